import { describe, expect, test } from "vitest";
import {
  AAC_TRACK,
  audioFrame,
  MP3_TRACK,
  videoFrame,
  videoTrackOf,
} from "#test/helpers/source.ts";
import type { FlvTag } from "./flv-tag.ts";
import { parseAudioTag } from "./audio-tag.ts";
import { FlvReader } from "./flv-reader.ts";
import { writeFlvHeader } from "./flv-writer.ts";
import {
  stampOf,
  writeAudioFrame,
  writeAudioHeader,
  writeVideoFrame,
  writeVideoHeader,
} from "./frame-tags.ts";
import { parseVideoTag } from "./video-tag.ts";

/** The only tag in `bytes`, as a file has it. */
function readTag(bytes: Uint8Array | null): FlvTag {
  const tags: FlvTag[] = [];
  const reader = new FlvReader((tag) => tags.push(tag));
  reader.push(
    Buffer.concat([writeFlvHeader({ hasVideo: true, hasAudio: true }), bytes ?? new Uint8Array()]),
  );
  const [tag] = tags;
  if (tag === undefined || tags.length !== 1) throw new Error(`${tags.length} tags`);
  return tag;
}

describe("video", () => {
  test.each([[true, 66], [false, 0], [false, -33], [true, 70_000]])(
    "a frame comes back as it was: keyframe %s, shown %i ms later",
    (isKeyframe, compositionMs) => {
      const frame = videoFrame(0, isKeyframe, 300);
      const tag = readTag(writeVideoFrame(frame, { timestampMs: 40, compositionMs }));
      expect(tag).toMatchObject({ type: "video", dtsMs: 40 });
      expect(parseVideoTag(tag.body)).toEqual({
        kind: "frame",
        isFlaggedKeyframe: isKeyframe,
        compositionMs,
        data: frame.data,
      });
    },
  );

  test("its configuration comes back, at any time of 32 bits", () => {
    const track = videoTrackOf(1280, 720);
    const tag = readTag(writeVideoHeader(track, 0x12345678));
    expect(tag).toMatchObject({ type: "video", dtsMs: 0x12345678 });
    expect(parseVideoTag(tag.body)).toEqual({ kind: "config", avcC: track.config.avcC });
  });
});

describe("audio", () => {
  test("AAC has a configuration, and frames", () => {
    const header = readTag(writeAudioHeader(AAC_TRACK, 7));
    expect(header).toMatchObject({ type: "audio", dtsMs: 7 });
    expect(parseAudioTag(header.body)).toEqual({ kind: "config", asc: Uint8Array.of(0x11, 0x90) });
    const frame = audioFrame(0, Uint8Array.of(1, 2, 3));
    const tag = readTag(writeAudioFrame(frame, AAC_TRACK, 20));
    expect(tag.dtsMs).toBe(20);
    expect(parseAudioTag(tag.body)).toEqual({ kind: "frame", data: frame.data });
  });

  test("a classic codec has frames alone, behind its own first byte", () => {
    expect(writeAudioHeader(MP3_TRACK, 0)).toBeNull();
    const frame = audioFrame(0, Uint8Array.of(0xff, 0xfb, 1));
    const { body } = readTag(writeAudioFrame(frame, MP3_TRACK, 20));
    expect(parseAudioTag(body)).toEqual({ ...MP3_TRACK, data: frame.data });
  });
});

test("stampOf() rounds to milliseconds, so that the moment it is shown at is right", () => {
  const at = (dtsTicks: number, compositionTicks: number) =>
    stampOf({ ...videoFrame(0), dtsTicks, compositionTicks });
  expect(at(3003, 6006)).toEqual({ timestampMs: 33, compositionMs: 67 });
  expect(at(3000, 3000)).toEqual({ timestampMs: 33, compositionMs: 34 });
  expect(at(9000, -3000)).toEqual({ timestampMs: 100, compositionMs: -33 });
});
