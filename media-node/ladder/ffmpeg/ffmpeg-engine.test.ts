import { describe, expect, test } from "vitest";
import {
  ORIGIN_MS,
  pushInRealTime,
  readTags,
  rung,
  runThrough,
  startEngine,
  THREE_RUNGS,
} from "#test/helpers/engine.ts";
import type { FlvTag } from "../../formats/media.ts";
import { toFrameRate } from "../../formats/frame-rate.ts";
import { SourceClock } from "../source-clock.ts";
import { isSequenceHeader, isVideoKeyframe, ptsMsOf } from "../source-tag.ts";

describe("FfmpegEngine", () => {
  test("gives every rung all frames, keyframes at equal times, on the source's timeline", async () => {
    const tags = await readTags({ seconds: 5 });
    const output = await runThrough({ tags, rungs: THREE_RUNGS });
    const firstPtsMs = ptsMsOf(tags.find(isVideoKeyframe) as FlvTag);
    const expected = [0, 1000, 2000, 4000].map((ms) => (firstPtsMs + ms) * 90);
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
    const tags = await readTags({ seconds: 2.001, ...pattern });
    const output = await runThrough({ tags, fps });
    const samples = output.samplesOf("low");
    expect(Math.abs(samples.length - frames)).toBeLessThanOrEqual(1);
    const shownMs = tags.filter((tag) => tag.type === "video" && tag.body[1] === 1)
      .map(ptsMsOf).sort((a, b) => a - b);
    for (const [n, sample] of samples.entries()) {
      expect(Math.abs(sample.dtsTicks / 90 - (shownMs[n] ?? sample.dtsTicks / 90))).toBeLessThan(5);
    }
  });

  test("encodes audio that is not AAC, on the same timeline", async () => {
    const tags = await readTags({ seconds: 2, audioCodec: "libmp3lame", audioRateHz: 44_100 });
    const output = await runThrough({ tags, mp3: true });
    expect(output.audioConfig).toMatchObject({ sampleRateHz: 48_000, channels: 2 });
    const times = output.audioFrames.map((frame) => frame.ptsMs);
    const firstMs = tags.find((tag) => tag.type === "audio")?.dtsMs ?? 0;
    expect(Math.abs((times[0] ?? 0) - firstMs)).toBeLessThan(30);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1900);
    expect(output.samplesOf("low")).toHaveLength(60);
  });

  test("encodes a source that has only such audio", async () => {
    const tags = await readTags({ seconds: 1, size: null, audioCodec: "libmp3lame" });
    const output = await runThrough({ tags, rungs: [], mp3: true });
    expect(output.audioFrames.length).toBeGreaterThan(40);
  });

  test(
    "gives the frames of a copied source its own times and keyframes, also after a kill",
    async () => {
      const tags = await readTags({ seconds: 6, keyframeSeconds: 1.7 });
      const clock = new SourceClock(toFrameRate(30));
      const rungs = [rung("low", 128, 72), rung("mid", 160, 90)];
      const { engine, output } = startEngine({ tags, rungs, clock });
      const source = new Map<number, boolean>();
      const place = (tag: FlvTag) => {
        if (tag.type !== "video" || tag.body[1] !== 1) return;
        const { dtsTicks, isKeyframe } = clock.place(tag);
        source.set(dtsTicks, isKeyframe);
      };
      const half = tags.findIndex((tag) => tag.dtsMs > ORIGIN_MS + 3000);
      await pushInRealTime(engine, tags.slice(0, half), { place });
      process.kill(engine.pid ?? 0, "SIGKILL");
      await pushInRealTime(engine, tags.slice(half), { place });
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
      const tags = await readTags({ seconds: 3, keyframeSeconds: 10 });
      const shownTicks = (ORIGIN_MS + 2000) * 90;
      const media = tags.filter((tag) => tag.type === "video" && !isSequenceHeader(tag));
      const seen = media.filter((tag) => ptsMsOf(tag) <= ORIGIN_MS + 2100);
      const resume = { tags: seen, shownTicks };
      const { engine, output } = startEngine({ tags, resume });
      for (const tag of media.slice(seen.length)) engine.push(tag, 0);
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
});
