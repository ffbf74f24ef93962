import { describe, expect, test } from "vitest";
import type { SourceFacts } from "#shared/contracts/broadcast.ts";
import { DEFAULT_LADDER, ladderSchema } from "#shared/contracts/ladder.ts";
import { frameAt, timeOfFrame, toFrameRate } from "../formats/frame-rate.ts";
import { planLadder } from "./plan.ts";

const ladder = ladderSchema.parse(DEFAULT_LADDER);
const AAC = { codec: "mp4a.40.2", sampleRateHz: 48_000, channels: 2 };

function source(width: number, height: number, fps: number | null = 30): SourceFacts {
  const video = { codec: "avc1.64001f", width, height, fps, bitrateBps: null };
  return { video, audio: AAC, encoder: null };
}

function sizes(facts: SourceFacts): string[] {
  return planLadder(ladder, facts).rungs.map((rung) => `${rung.name} ${rung.width}x${rung.height}`);
}

describe("planLadder()", () => {
  test.each([
    ["1080p", source(1920, 1080), ["low 426x240", "mid 854x480", "high 1280x720"]],
    ["720p", source(1280, 720), ["low 426x240", "mid 854x480", "high 1280x720"]],
    ["a source below the top rung", source(960, 540), ["low 426x240", "mid 854x480"]],
    ["portrait", source(1080, 1920), ["low 240x426", "mid 480x854", "high 720x1280"]],
    ["odd sizes", source(853, 481), ["low 426x240", "mid 852x480"]],
    ["240p", source(427, 240), ["low 426x240"]],
    ["180p, below every rung", source(320, 180), ["low 320x180"]],
    ["360p, above the lowest alone", source(640, 360), ["low 426x240", "mid 640x360"]],
    ["a square", source(721, 721), ["low 240x240", "mid 480x480", "high 720x720"]],
  ])("keeps proportions, evenness and names for %s", (_, facts, expected) => {
    expect(sizes(facts)).toEqual(expected);
  });

  test.each([
    ["16:9 in 720x576", 720, 576, 1024, ["low 426x240", "mid 854x480"]],
    ["16:9 in 1440x1080", 1440, 1080, 1920, ["low 426x240", "mid 854x480", "high 1280x720"]],
    ["4:3 in 704x480", 704, 480, 640, ["low 320x240", "mid 640x480"]],
    ["9:16 in 1080x1440", 1080, 1440, 810, ["low 240x426", "mid 480x854", "high 720x1280"]],
  ])(
    "keeps the shape in which a source is shown: %s",
    (_, width, height, displayWidth, expected) => {
      const { rungs } = planLadder(ladder, source(width, height), displayWidth);
      expect(rungs.map((rung) => `${rung.name} ${rung.width}x${rung.height}`)).toEqual(expected);
    },
  );

  test("carries the ceiling of each rung and encodes all of them", () => {
    const { rungs } = planLadder(ladder, source(1920, 1080));
    expect(rungs.map((rung) => rung.videoBitrateBps)).toEqual([240_000, 1_000_000, 2_800_000]);
    expect(rungs.every((rung) => !rung.isCopy)).toBe(true);
  });

  test("its lowest rung by default fits into 500 kbit/s, with sound and with what comes along", () => {
    const soundBps = 160_000; // what encoders send by default
    const alongBps = 50_000; // playlists, headers and boxes
    const lowestBps = ladder[0]?.videoBitrateBps ?? Infinity;
    expect(lowestBps + soundBps + alongBps).toBeLessThanOrEqual(450_000);
  });

  test.each([[29.97, 30_000 / 1001], [30.01, 30], [59.9, 60_000 / 1001], [144, 60], [7.4, 7], [
    null,
    30,
  ]])(
    "takes a source of %s fps for %s",
    (fps, expected) => expect(planLadder(ladder, source(640, 360, fps)).fps).toBe(expected),
  );

  test("gives a source without video one rung without a size, untouched when it is AAC", () => {
    const facts = { video: null, audio: AAC, encoder: null };
    expect(planLadder(ladder, facts)).toEqual({
      rungs: [{ name: "low", width: null, height: null, videoBitrateBps: 0, isCopy: true }],
      fps: null,
    });
    const mp3 = planLadder(ladder, { ...facts, audio: { ...AAC, codec: "mp3" } });
    expect(mp3.rungs[0]?.isCopy).toBe(false);
  });
});

test("frameAt() finds every frame again after its time was rounded to milliseconds", () => {
  for (const fps of [15, 23.976, 24, 25, 29.97, 30, 50, 59.94, 60]) {
    const rate = toFrameRate(fps);
    for (let n = 0; n < 5000; n += 7) expect(frameAt(timeOfFrame(n, rate, 1000), rate)).toBe(n);
  }
});
