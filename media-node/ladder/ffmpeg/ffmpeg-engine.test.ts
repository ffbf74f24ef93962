import { describe, expect, test } from "vitest";
import {
  ORIGIN_MS,
  pushInRealTime,
  readMedia,
  rung,
  runThrough,
  startEngine,
  THREE_RUNGS,
} from "#test/helpers/engine.ts";
import { type MediaFrame, ptsTicksOf } from "../../formats/media.ts";
import { toFrameRate } from "../../formats/frame-rate.ts";
import { createLogger } from "#shared/log.ts";
import { SourceClock } from "../source-clock.ts";

describe("FfmpegEngine", () => {
  test("gives every rung all frames, keyframes at equal times, on the source's timeline", async () => {
    const media = await readMedia({ seconds: 5 });
    const output = await runThrough({ media, rungs: THREE_RUNGS });
    const [first] = media.frames;
    const firstTicks = first === undefined ? 0 : ptsTicksOf(first);
    const expected = [0, 1000, 2000, 4000].map((ms) => firstTicks + ms * 90);
    for (const { name, width, height } of THREE_RUNGS) {
      expect(output.samplesOf(name)).toHaveLength(150);
      expect(output.keyframesOf(name)).toEqual(expected);
      expect(output.stepsOf(name)).toEqual(new Set([3000]));
      expect(output.configs.get(name)).toMatchObject({ width, height });
    }
    expect(output.failure).toBeUndefined();
  });

  test.each([
    ["B-frames", { bFrames: 2 }, 30, 60],
    ["60 fps", { fps: 60 }, 60, 120],
    ["29.97 fps", { fps: 30_000 / 1001 }, 30_000 / 1001, 60],
    ["an odd size", { size: "322x182" }, 30, 60],
  ])("keeps every frame of a source with %s", async (_, pattern, fps, frames) => {
    const media = await readMedia({ seconds: 2.001, ...pattern });
    const output = await runThrough({ media, fps });
    const samples = output.samplesOf("low");
    expect(Math.abs(samples.length - frames)).toBeLessThanOrEqual(1);
    const shownMs = media.frames.map((frame) => ptsTicksOf(frame) / 90).sort((a, b) => a - b);
    for (const [n, sample] of samples.entries()) {
      expect(Math.abs(sample.dtsTicks / 90 - (shownMs[n] ?? sample.dtsTicks / 90))).toBeLessThan(5);
    }
  });

  test("encodes audio that is not AAC, on the same timeline", async () => {
    const media = await readMedia({ seconds: 2, audioCodec: "libmp3lame", audioRateHz: 44_100 });
    const output = await runThrough({ media });
    expect(output.audioConfig).toMatchObject({ sampleRateHz: 48_000, channels: 2 });
    const times = output.audioFrames.map((frame) => frame.dtsTicks / 90);
    const firstMs = (media.frames.find(({ track }) => track === "audio")?.dtsTicks ?? 0) / 90;
    expect(Math.abs((times[0] ?? 0) - firstMs)).toBeLessThan(30);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1900);
    expect(output.samplesOf("low")).toHaveLength(60);
  });

  test("encodes a source that has only such audio", async () => {
    const media = await readMedia({ seconds: 1, size: null, audioCodec: "libmp3lame" });
    const output = await runThrough({ media, rungs: [] });
    expect(output.audioFrames.length).toBeGreaterThan(40);
  });

  test(
    "gives the frames of a copied source its own times and keyframes, also after a kill",
    async () => {
      const media = await readMedia({ seconds: 6, keyframeSeconds: 1.7 });
      const clock = new SourceClock(toFrameRate(30));
      const rungs = [rung("low", 128, 72), rung("mid", 160, 90)];
      const { engine, output } = startEngine({ media, rungs, clock });
      const source = new Map<number, boolean>();
      const place = (frame: MediaFrame) => {
        const { dtsTicks, isKeyframe } = clock.place(frame);
        source.set(dtsTicks, isKeyframe);
      };
      const { frames } = media;
      const half = frames.findIndex(({ dtsTicks }) => dtsTicks > (ORIGIN_MS + 3000) * 90);
      await pushInRealTime(engine, frames.slice(0, half), { place });
      process.kill(engine.pid ?? 0, "SIGKILL");
      await pushInRealTime(engine, frames.slice(half), { place });
      await engine.stop();
      for (const { name } of rungs) {
        const samples = output.samplesOf(name);
        expect(samples.map(({ dtsTicks }) => dtsTicks)).toEqual([...source.keys()]);
        expect(samples.map(({ isKeyframe }) => isKeyframe)).toEqual([...source.values()]);
      }
    },
    30_000,
  );

  test(
    "goes on with a group of pictures that was shown already, and takes pictures of it",
    async () => {
      const media = await readMedia({ seconds: 3, keyframeSeconds: 10 });
      const shownTicks = (ORIGIN_MS + 2000) * 90;
      const seen = media.frames.filter((frame) => ptsTicksOf(frame) <= (ORIGIN_MS + 2100) * 90);
      const resume = { frames: seen, shownTicks };
      const { engine, output } = startEngine({ media, resume });
      for (const frame of media.frames.slice(seen.length)) engine.push(frame, 0);
      await engine.stop();
      const [first] = output.samplesOf("low");
      expect(first?.isKeyframe).toBe(true);
      expect((first?.dtsTicks ?? 0) - shownTicks).toBeGreaterThan(0);
      expect((first?.dtsTicks ?? 0) - shownTicks).toBeLessThan(3100);
      expect(Math.abs(output.samplesOf("low").length - 30)).toBeLessThanOrEqual(1);
      const [picture] = output.pictures;
      expect([...picture?.jpeg.subarray(0, 2) ?? []]).toEqual([0xff, 0xd8]);
      expect(Math.abs((picture?.ptsMs ?? 0) - ORIGIN_MS - 2033)).toBeLessThan(40);
    },
    30_000,
  );

  test("has every frame of a camera that sends one a second, as they come", async () => {
    const recorded = await readMedia({ seconds: 12, fps: 1, keyframeSeconds: 4 });
    // Its clock is 12 ms early or late.
    const frames = recorded.frames.map((frame, n) => {
      return { ...frame, dtsTicks: frame.dtsTicks + (n % 2 === 0 ? 12 : -12) * 90 };
    });
    const events: string[] = [];
    const log = createLogger({ level: "warn", write: ({ event }) => events.push(event) });
    const { engine, output } = startEngine({ media: recorded, fps: 1, log });
    let shownAtOnce = 0;
    await pushInRealTime(engine, frames, {
      place: () => shownAtOnce = output.samplesOf("low").length,
    });
    expect(shownAtOnce).toBe(frames.length - 1);
    await engine.stop();
    expect(output.samplesOf("low")).toHaveLength(12);
    expect(output.stepsOf("low")).toEqual(new Set([90_000]));
    expect(events).toEqual([]);
  }, 30_000);

  test("a rate below one frame a second is taken for one, with frames repeated", async () => {
    const media = await readMedia({ seconds: 20, fps: 0.3, keyframeSeconds: 10 });
    const output = await runThrough({ media, fps: 0.3 });
    const [first] = media.frames;
    const seconds = output.samplesOf("low").map(({ dtsTicks }) =>
      (dtsTicks - (first?.dtsTicks ?? 0)) / 90_000
    );
    // The last one is shown for as long as the one before it.
    expect(seconds.slice(0, 18)).toEqual(Array.from({ length: 18 }, (_, second) => second));
  });
});
