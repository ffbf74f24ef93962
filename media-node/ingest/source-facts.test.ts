import { describe, expect, test } from "vitest";
import { sourceFactsSchema } from "#shared/contracts/broadcast.ts";
import {
  AAC_TRACK,
  audioFrame,
  MP3_TRACK,
  videoFrame,
  videoTrackOf,
} from "#test/helpers/source.ts";
import { type AvcSps, parseAvcSps } from "../formats/codecs/avc-sps.ts";
import { TICKS_PER_MS } from "../formats/media.ts";
import { SourceObserver } from "./source-facts.ts";

// x264, 1920×1080, High 4.0, 30 fps, two B-frames.
const SPS: AvcSps = parseAvcSps(
  Uint8Array.from(Buffer.from("67640028acd940780227e5c044000003000400000300f03c60c658", "hex")),
);
const SILENT_SPS: AvcSps = { ...SPS, fps: null, maxReorderFrames: null };

/** An observer of video that came every `stepMs`, `frames` of them. */
function observe(stepMs: number, frames: number, sps: AvcSps = SILENT_SPS): SourceObserver {
  const observer = new SourceObserver();
  observer.useVideo(videoTrackOf(1920, 1080), sps);
  for (let frame = 0; frame < frames; frame += 1) {
    observer.note(videoFrame(Math.round(frame * stepMs), frame === 0, 1000));
  }
  return observer;
}

const fpsOf = (observer: SourceObserver) => observer.facts().video?.fps;

test("knows nothing before the first frame", () => {
  const observer = new SourceObserver();
  expect(observer.facts()).toEqual({ video: null, audio: null, encoder: null });
  expect(observer.hasBFrames).toBeNull();
  expect(observer.isCommonFormat).toBeNull();
  expect(observer.declares("video")).toBeNull();
  expect(observer.video).toBeNull();
});

test("survives metadata that is nonsense", () => {
  const observer = observe(0, 0);
  observer.noteMetadata(
    new Map<string, number | boolean | string>([
      ...[["framerate", Number.NaN], ["videodatarate", -7], ["encoder", 3]] as const,
      ...[["hasVideo", "yes"], ["videocodecid", ""], ["audiocodecid", 0]] as const,
    ]),
  );
  expect(observer.facts()).toMatchObject({
    video: { fps: null, bitrateBps: null },
    encoder: null,
  });
  expect([observer.declares("video"), observer.declares("audio")]).toEqual([null, null]);
  observer.noteMetadata(new Map([["encoder", "x".repeat(1000)]]));
  expect(observer.facts().encoder).toHaveLength(200);
});

test.each([
  ["Evil\0Encoder", "Evil Encoder"],
  ["\x1b[31mred\r\n", "[31mred"],
  ["\0", null],
  [`${"x".repeat(199)}📹`, "x".repeat(199)],
])("an encoder that calls itself %j is called %j: the API can store that", (said, name) => {
  const observer = new SourceObserver();
  observer.noteMetadata(new Map([["encoder", said]]));
  expect(sourceFactsSchema.parse(observer.facts()).encoder).toBe(name);
});

test.each([1e13, 1e300, 1e6 + 1, 1e-9, -1, Number.MAX_VALUE])(
  "a bitrate of %d kbit/s that is announced is not believed: what came counts",
  (videodatarate) => {
    const unmeasured = observe(40, 10);
    const measured = observe(40, 51);
    const metadata = new Map([["videodatarate", videodatarate], ["framerate", videodatarate]]);
    for (const observer of [unmeasured, measured]) observer.noteMetadata(metadata);
    expect(unmeasured.facts().video).toMatchObject({ fps: 25, bitrateBps: null });
    expect(measured.facts().video?.bitrateBps).toBe(51 * 1000 * 8 / 2);
    expect(() => sourceFactsSchema.parse(measured.facts())).not.toThrow();
  },
);

test("tells the tracks as they are described", () => {
  const observer = observe(33, 1);
  observer.useAudio(AAC_TRACK);
  expect(observer.facts()).toMatchObject({
    video: { codec: "avc1.64001f", width: 1920, height: 1080 },
    audio: { codec: "mp4a.40.2", sampleRateHz: 48_000, channels: 2 },
  });
  observer.useAudio(MP3_TRACK);
  expect(observer.facts().audio).toEqual({ codec: "MP3", sampleRateHz: 44_100, channels: 2 });
  expect(observer.audio).toBe(MP3_TRACK);
});

describe("the frame rate", () => {
  test.each([[1000 / 30, 30], [1000 / 29.97, 30_000 / 1001], [40, 25], [1000 / 60, 60]])(
    "frames %s ms apart are %s a second",
    (stepMs, fps) => expect(fpsOf(observe(stepMs, 60))).toBeCloseTo(fps, 5),
  );

  test("is what the SPS or the metadata announce, unless the frames disagree", () => {
    expect(fpsOf(observe(33.3, 2, SPS))).toBe(30);
    expect(fpsOf(observe(40, 60, SPS))).toBe(30);
    expect(fpsOf(observe(1000 / 15, 60, SPS))).toBe(15);
    const announced = observe(33.3, 2);
    expect(fpsOf(announced)).toBeNull();
    announced.noteMetadata(new Map([["framerate", 25]]));
    expect(fpsOf(announced)).toBe(25);
    announced.noteMetadata(new Map([["framerate", 1000]]));
    expect(fpsOf(announced)).toBeNull();
  });

  test("that is announced is doubted after three frames, and known after nine", () => {
    const lie = (frames: number) => {
      const observer = observe(40, frames);
      observer.noteMetadata(new Map([["framerate", 15]]));
      return fpsOf(observer);
    };
    expect([lie(2), lie(3), lie(8), lie(9)]).toEqual([15, null, null, 25]);
  });

  test("of a camera with a frame a second is known with the second frame", () => {
    expect(fpsOf(observe(1000, 1))).toBeNull();
    expect(fpsOf(observe(1000, 2))).toBe(1);
    expect(fpsOf(observe(4000, 2))).toBe(0.25);
  });

  test("of frames that all come with one stamp, a millisecond apart, is unknown", () => {
    expect(fpsOf(observe(1, 60))).toBeNull();
  });
});

test("the bitrate is what is announced, else what came in a second and more", () => {
  expect(observe(40, 10).facts().video?.bitrateBps).toBeNull();
  const measured = observe(40, 51);
  expect(measured.facts().video?.bitrateBps).toBe(51 * 1000 * 8 / 2);
  measured.noteMetadata(new Map([["videodatarate", 2500]]));
  expect(measured.facts().video?.bitrateBps).toBe(2_500_000);
});

describe("hasBFrames", () => {
  test("is what the SPS declares", () => {
    expect(observe(33, 1, SPS).hasBFrames).toBe(true);
    expect(observe(33, 1, { ...SPS, maxReorderFrames: 0 }).hasBFrames).toBe(false);
  });

  test("else what the frames show, once there are some", () => {
    expect(observe(33, 7).hasBFrames).toBeNull();
    expect(observe(33, 8).hasBFrames).toBe(false);
  });

  test("one constant offset is a delay, another one is not", () => {
    const observer = observe(33, 0, { ...SPS, maxReorderFrames: 0 });
    const shown = (ms: number, compositionMs: number) =>
      observer.note({ ...videoFrame(ms), compositionTicks: compositionMs * TICKS_PER_MS });
    shown(0, 67);
    shown(33, 67);
    shown(66, 68);
    expect(observer.hasBFrames).toBe(false);
    shown(100, 133);
    expect(observer.hasBFrames).toBe(true);
  });
});

test("the common format is 4:2:0, 8 bits, progressive", () => {
  expect(observe(33, 0).isCommonFormat).toBe(true);
  const others = [{ chromaFormatIdc: 3 }, { bitDepth: 10 }, { isInterlaced: true }];
  for (const other of others) {
    expect(observe(33, 0, { ...SPS, ...other }).isCommonFormat).toBe(false);
  }
});

test("a codec id that is missing says nothing but FFmpeg's; a flag says that there is nothing", () => {
  const observer = new SourceObserver();
  const declared = (metadata: ReadonlyMap<string, number | boolean | string>) => {
    observer.noteMetadata(metadata);
    return [observer.declares("video"), observer.declares("audio")];
  };
  expect(declared(new Map([["videocodecid", 7]]))).toEqual([true, null]);
  expect(declared(new Map([["audiocodecid", "mp4a"]]))).toEqual([null, true]);
  expect(declared(new Map([["hasVideo", false], ["hasAudio", true]]))).toEqual([false, true]);
  const byFfmpeg = (values: readonly (readonly [string, number])[]) =>
    declared(new Map<string, number | string>([["encoder", "Lavf61.7.100"], ...values]));
  expect(byFfmpeg([["videocodecid", 7]])).toEqual([true, false]);
  expect(byFfmpeg([["audiocodecid", 10]])).toEqual([null, true]);
  expect(byFfmpeg([])).toEqual([null, null]);
});

test("audio frames say nothing about the picture", () => {
  const observer = observe(33, 0);
  for (let ms = 0; ms < 2000; ms += 20) observer.note(audioFrame(ms));
  expect(observer.facts().video).toMatchObject({ fps: null, bitrateBps: null });
  expect(observer.hasBFrames).toBeNull();
});
