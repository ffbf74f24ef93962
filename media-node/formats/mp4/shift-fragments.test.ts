import { expect, test } from "vitest";
import { BoxError, findBox, readMovieFragment } from "./boxes.ts";
import { writeFragment, writeInitSegment } from "./fragment-writer.ts";
import { shiftFragments } from "./shift-fragments.ts";

const video = {
  kind: "video",
  codec: "h264",
  width: 320,
  height: 180,
  avcC: Uint8Array.of(1),
} as const;
const audio = {
  kind: "audio",
  codec: "aac",
  samplesPerFrame: 1024,
  sampleRateHz: 44_100,
  channels: 2,
  asc: Uint8Array.of(0x12, 0x10),
} as const;
const sample = { durationTicks: 1, compositionTicks: 0, isSync: true, data: Uint8Array.of(7) };
const fragment = (videoTicks: number, audioTicks: number) =>
  writeFragment({
    sequenceNumber: 1,
    video: { decodeTicks: videoTicks, samples: [sample] },
    audio: { decodeTicks: audioTicks, samples: [sample] },
  });
const init = writeInitSegment({ video, audio });
const timesOf = (segment: Uint8Array) =>
  readMovieFragment(findBox(segment, ["moof"])?.body ?? new Uint8Array())
    .map(({ baseMediaDecodeTime }) => baseMediaDecodeTime);

test("shiftFragments() moves each track by its own clock, and nothing else", () => {
  const segment = fragment(900_000, 441_000);
  expect(shiftFragments(init, segment, -9000)).toEqual(fragment(90_000, 44_100));
  expect(shiftFragments(init, segment, 1000)).toEqual(fragment(990_000, 485_100));
  expect(segment).toEqual(fragment(900_000, 441_000));
});

test("shiftFragments() moves every fragment of a segment", () => {
  const segment = Buffer.concat([fragment(900_000, 441_000), fragment(990_000, 485_100)]);
  const shifted = shiftFragments(init, segment, -10_000);
  expect(shifted).toEqual(
    new Uint8Array(Buffer.concat([fragment(0, 0), fragment(90_000, 44_100)])),
  );
});

test("shiftFragments() begins at 0 where it would begin before", () => {
  expect(timesOf(shiftFragments(init, fragment(900_000, 440_000), -10_000))).toEqual([0, 0]);
});

test("shiftFragments() refuses a track without a clock, and what is no MP4", () => {
  const onlyVideo = writeInitSegment({ video, audio: null });
  expect(() => shiftFragments(onlyVideo, fragment(0, 0), 1000)).toThrow(BoxError);
  expect(() => shiftFragments(init, Uint8Array.of(1, 2, 3), 1000)).toThrow(BoxError);
});
