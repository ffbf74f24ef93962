import { expect, test } from "vitest";
import { FrameRhythm } from "./frame-rhythm.ts";

function rhythmOf(times: readonly number[]): number {
  const rhythm = new FrameRhythm(90_000, 90_000);
  for (const dts of times) rhythm.note(dts);
  return rhythm.frameTicks;
}

test.each<[string, number[], number]>([
  ["a 30th of a second before anything was seen", [], 3000],
  ["the only step", [0, 3600], 3600],
  ["the usual step when one was long", [0, 3600, 7200, 27_000], 3600],
  ["the usual step when one was short", [0, 3600, 7200, 7290], 3600],
  ["another step once it came twice", [0, 3600, 7200, 9000, 10_800], 1800],
  ["nothing new from a hole", [0, 3600, 7200, 7200 + 90_001, 7200 + 180_002], 3600],
])("FrameRhythm expects %s", (_, times, expected) => {
  expect(rhythmOf(times)).toBe(expected);
});
