import { expect, test } from "vitest";
import { StandingClock } from "./standing-clock.ts";

/** Frames every 33 ms: what the clock says of each, and when it comes. */
function run(
  clock: StandingClock,
  frames: number,
  { says = (frame: number) => frame * 33, comesMs = (frame: number) => frame * 33 } = {},
): number[] {
  return Array.from(
    { length: frames },
    (_, frame) => clock.correct(says(frame), 5000 + comesMs(frame)),
  );
}

test("a clock that goes is believed, however its frames come", () => {
  const steady = Array.from({ length: 100 }, (_, frame) => frame * 33);
  expect(run(new StandingClock(), 100)).toEqual(steady);
  // Late and at once; ten times slower than real time; faster than it.
  for (const comesMs of [() => 0, (frame: number) => frame * 330, (frame: number) => frame * 3]) {
    expect(run(new StandingClock(), 100, { comesMs })).toEqual(steady);
  }
  const stalled = (frame: number) => frame * 33 + (frame > 50 ? 3000 : 0);
  expect(run(new StandingClock(), 100, { comesMs: stalled })).toEqual(steady);
});

test("a clock that trembles on the spot goes with the wall clock, and on from there", () => {
  const says = (frame: number) =>
    frame < 30 ? frame * 33 : frame < 90 ? 990 + (frame % 3) * 6 : 990 + (frame - 90) * 33;
  const corrected = run(new StandingClock(), 120, { says });
  expect(corrected.slice(0, 30)).toEqual(Array.from({ length: 30 }, (_, frame) => frame * 33));
  for (const [index, ms] of corrected.entries()) {
    expect(Math.abs(ms - index * 33)).toBeLessThanOrEqual(9 * 33);
  }
  const steps = corrected.slice(40, 88).map((ms, index) => (corrected[index + 41] ?? 0) - ms);
  expect(new Set(steps)).toEqual(new Set([33]));
  expect((corrected[119] ?? 0) - (corrected[100] ?? 0)).toBe(19 * 33);
});

test("a clock that is set, or another encoder's, is no clock that stands", () => {
  const clock = new StandingClock();
  const says = (frame: number) => (frame % 7) * 33;
  expect(run(clock, 60, { says })).toEqual(Array.from({ length: 60 }, (_, frame) => says(frame)));
  run(clock, 30, { says: () => 7 });
  clock.restart();
  expect(clock.correct(4, 9000)).toBe(4);
});
