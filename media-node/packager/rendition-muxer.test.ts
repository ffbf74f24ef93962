/**
 * Tracks that join a rendition that runs: read from the init segments and fragments it writes.
 */
import { describe, expect, test } from "vitest";
import { readTrackClocks } from "#shared/hls/fragment-times.ts";
import { findBox, readBoxes, readMovieFragment } from "../formats/mp4/boxes.ts";
import type { AudioConfig, VideoConfig } from "../formats/media.ts";
import type { CompleteSegment, RecordedInit, Recording } from "../recorder/port.ts";
import { timeAudio } from "./audio-clock.ts";
import { AudioSegmenter } from "./audio-segmenter.ts";
import { LiveRendition } from "./rendition.ts";
import { RenditionMuxer } from "./rendition-muxer.ts";
import { VideoSegmenter } from "./video-segmenter.ts";

const FPS = 30;
const VIDEO: VideoConfig = {
  kind: "video",
  avcC: Uint8Array.of(1, 0x64, 0, 0x1f, 0xff, 0xe0, 0),
  width: 320,
  height: 180,
};
const AUDIO: AudioConfig = {
  kind: "audio",
  asc: Uint8Array.of(0x11, 0x90),
  sampleRateHz: 48_000,
  channels: 2,
  samplesPerFrame: 1024,
};

type Tracks = { readonly hasVideo: boolean; readonly hasAudio?: boolean };

/** A rendition without parts whose segments are kept: a keyframe a second, segments of two. */
function startMuxer({ hasVideo, hasAudio = false }: Tracks) {
  const inits = new Map<number, RecordedInit>();
  const segments: CompleteSegment[] = [];
  const recording: Recording = {
    addInit: (_name, init) => void inits.set(init.number, init),
    addSegment: (_name, segment) => void segments.push(segment),
    isStored: () => true,
    finish: () => Promise.resolve({ durationMs: 0, recordedBytes: 0, isPlayable: true }),
    storedBytes: 0,
    issues: [],
  };
  const options = { segmentTargetMs: 2000, partTargetMs: null, hasAudio };
  const rendition = new LiveRendition({
    name: "high",
    targetDurationS: 2,
    partTargetS: null,
    wallClockAtZeroMs: 0,
    windowSegments: 100,
    dvrWindowS: 0,
    isStored: () => true,
    reports: () => [],
  });
  const muxer = new RenditionMuxer({
    rendition,
    createSegmenter: (withVideo) =>
      withVideo ? new VideoSegmenter(options) : new AudioSegmenter(options),
    hasVideo,
    recording,
    spool: null,
  });
  return { muxer, described: () => segments.map((segment) => describeSegment(segment, inits)) };
}

/** A segment with the tracks that its init segment names, and what it has of each of them. */
function describeSegment(segment: CompleteSegment, inits: ReadonlyMap<number, RecordedInit>) {
  const init = inits.get(segment.initNumber);
  const clocks = readTrackClocks(init?.bytes ?? new Uint8Array());
  const moof = findBox(segment.bytes, ["moof"]);
  const runs = readMovieFragment(moof?.body ?? new Uint8Array());
  const spans = runs.map(({ trackId, baseMediaDecodeTime, samples }) => {
    const { handler = "", timescale = 1 } = clocks.find((clock) => clock.trackId === trackId) ?? {};
    const ticks = samples.reduce((sum, { duration }) => sum + duration, 0);
    const startS = baseMediaDecodeTime / timescale;
    return { handler, startS, endS: startS + ticks / timescale, frames: samples.length };
  });
  return {
    startS: segment.startS,
    isDiscontinuous: segment.isDiscontinuous,
    initNumber: segment.initNumber,
    codecs: init?.codecs.length ?? 0,
    named: clocks.map(({ handler }) => handler).toSorted(),
    present: spans.map(({ handler }) => handler).toSorted(),
    video: spans.find(({ handler }) => handler === "vide") ?? null,
    audio: spans.find(({ handler }) => handler === "soun") ?? null,
    boxes: readBoxes(segment.bytes).map(({ type }) => type),
  };
}

type Described = ReturnType<typeof describeSegment>;

function pushVideo(muxer: RenditionMuxer, fromS: number, toS: number): void {
  for (let frame = fromS * FPS; frame < toS * FPS; frame += 1) {
    muxer.pushVideo({
      dtsTicks: frame * 90_000 / FPS,
      compositionTicks: 0,
      durationTicks: 0,
      isKeyframe: frame % FPS === 0,
      data: Uint8Array.of(0, 0, 0, 1, 0x41),
    });
  }
}

function pushAudio(muxer: RenditionMuxer, fromS: number, toS: number, config = AUDIO): void {
  const frameS = config.samplesPerFrame / config.sampleRateHz;
  for (let frame = Math.ceil(fromS / frameS); frame * frameS < toS; frame += 1) {
    muxer.pushAudio(timeAudio(config, frame * config.samplesPerFrame, Uint8Array.of(1)));
  }
}

/** Both tracks, as an encoder sends them. */
function pushBoth(muxer: RenditionMuxer, fromS: number, toS: number, config = AUDIO): void {
  for (let atS = fromS; atS < toS; atS += 0.5) {
    pushAudio(muxer, atS, Math.min(atS + 0.5, toS), config);
    pushVideo(muxer, atS, Math.min(atS + 0.5, toS));
  }
}

const framesOf = (segments: readonly Described[]) =>
  segments.reduce((sum, { video }) => sum + (video?.frames ?? 0), 0);

/** Every segment has each track its init segment names, and video lies end to end. */
function expectWhole(segments: readonly Described[]): void {
  for (const { named, present, boxes } of segments) {
    expect(present).toEqual(named);
    expect(boxes).toEqual(["moof", "mdat"]);
  }
  const videos = segments.flatMap(({ video }) => video === null ? [] : [video]);
  for (const [index, { startS }] of videos.slice(1).entries()) {
    expect(startS).toBeCloseTo(videos[index]?.endS ?? -1, 5);
  }
}

describe("audio that joins", () => {
  test("begins with the first keyframe segment after the time given, and no picture is lost", () => {
    const { muxer, described } = startMuxer({ hasVideo: true });
    muxer.setVideo(VIDEO);
    pushVideo(muxer, 0, 6.5);
    muxer.setAudio(AUDIO, muxer.lastDtsTicks);
    pushBoth(muxer, 6.5, 12);
    muxer.finish();

    const segments = described();
    expectWhole(segments);
    expect(framesOf(segments)).toBe(12 * FPS);
    const joined = segments.findIndex(({ audio }) => audio !== null);
    const [before, after] = [segments.slice(0, joined), segments.slice(joined)];
    expect(segments[joined]?.startS).toBe(8);
    expect(before.every(({ codecs, initNumber }) => codecs === 1 && initNumber === 0)).toBe(true);
    expect(after.every(({ codecs, initNumber }) => codecs === 2 && initNumber === 1)).toBe(true);
    expect(after.every(({ named }) => named.join() === "soun,vide")).toBe(true);
    expect(segments.map(({ isDiscontinuous }) => isDiscontinuous)).toEqual(
      segments.map((_, index) => index === joined),
    );
    expect(segments[joined]?.audio?.startS).toBeCloseTo(8, 1);
    expect(segments.at(-1)?.audio?.endS).toBeCloseTo(12, 1);
  });

  test("waits for a keyframe that is decoded after the time given", () => {
    const { muxer, described } = startMuxer({ hasVideo: true });
    muxer.setVideo(VIDEO);
    pushVideo(muxer, 0, 3);
    // Another rendition is further: all of them change at one time.
    muxer.setAudio(AUDIO, 5 * 90_000);
    pushBoth(muxer, 3, 10);
    muxer.finish();
    const segments = described();
    expect(segments.find(({ isDiscontinuous }) => isDiscontinuous)?.startS).toBe(6);
    expect(segments.find(({ audio }) => audio !== null)?.startS).toBe(6);
    expectWhole(segments);
    expect(framesOf(segments)).toBe(10 * FPS);
  });

  test("is described from the start where it came before the first segment", () => {
    const { muxer, described } = startMuxer({ hasVideo: true, hasAudio: true });
    muxer.setVideo(VIDEO);
    muxer.setAudio(AUDIO, null);
    pushBoth(muxer, 0, 4);
    muxer.finish();
    const segments = described();
    expectWhole(segments);
    expect(new Set(segments.map(({ initNumber }) => initNumber))).toEqual(new Set([0]));
    expect(segments.some(({ isDiscontinuous }) => isDiscontinuous)).toBe(false);
  });

  test("another description takes the place of one in force in the same way", () => {
    const { muxer, described } = startMuxer({ hasVideo: true, hasAudio: true });
    const mono: AudioConfig = {
      ...AUDIO,
      asc: Uint8Array.of(0x12, 0x08),
      sampleRateHz: 44_100,
      channels: 1,
    };
    muxer.setVideo(VIDEO);
    muxer.setAudio(AUDIO, null);
    pushBoth(muxer, 0, 4.5);
    muxer.setAudio(mono, muxer.lastDtsTicks);
    pushBoth(muxer, 4.5, 10, mono);
    muxer.finish();
    const segments = described();
    expectWhole(segments);
    expect(framesOf(segments)).toBe(10 * FPS);
    const changed = segments.filter(({ isDiscontinuous }) => isDiscontinuous);
    expect(changed).toMatchObject([{ initNumber: 1 }]);
    expect(changed[0]?.startS).toBeGreaterThan(4.5);
    // What came before its segment began is silence there: nothing of the picture waits for it.
    expect(changed[0]?.audio?.startS).toBeCloseTo(changed[0]?.startS ?? 0, 1);
  });

  test("joins audio alone behind a break", () => {
    const { muxer, described } = startMuxer({ hasVideo: false, hasAudio: true });
    const mono: AudioConfig = { ...AUDIO, asc: Uint8Array.of(0x11, 0x88), channels: 1 };
    muxer.setAudio(AUDIO, null);
    pushAudio(muxer, 0, 4.5);
    muxer.setAudio(mono, -Infinity);
    pushAudio(muxer, 4.5, 9, mono);
    muxer.finish();
    const segments = described();
    expectWhole(segments);
    expect(segments.filter(({ isDiscontinuous }) => isDiscontinuous)).toMatchObject([
      { initNumber: 1, startS: expect.closeTo(4.5, 1) },
    ]);
  });
});

describe("video that joins sound alone", () => {
  test("closes what is open, and begins behind a discontinuity with both tracks", () => {
    const { muxer, described } = startMuxer({ hasVideo: false, hasAudio: true });
    muxer.setAudio(AUDIO, null);
    pushAudio(muxer, 0, 5);
    expect(muxer.setVideo(VIDEO)).toBe(false);
    pushBoth(muxer, 5, 10);
    muxer.finish();

    const segments = described();
    expectWhole(segments);
    const joined = segments.findIndex(({ video }) => video !== null);
    expect(segments[joined]).toMatchObject({ startS: 5, isDiscontinuous: true, initNumber: 1 });
    expect(segments.filter(({ isDiscontinuous }) => isDiscontinuous)).toHaveLength(1);
    expect(segments.slice(0, joined).every(({ named }) => named.join() === "soun")).toBe(true);
    expect(segments.slice(joined).every(({ named }) => named.join() === "soun,vide")).toBe(true);
    expect(framesOf(segments)).toBe(5 * FPS);
    // Everything that was heard before is kept.
    expect(segments[joined - 1]?.audio?.endS).toBeCloseTo(5, 1);
    expect(segments.at(-1)?.audio?.endS).toBeCloseTo(10, 1);
  });
});
