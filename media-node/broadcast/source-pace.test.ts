import { expect, test } from "vitest";
import { SourcePace } from "./source-pace.ts";

/** Sends `seconds` of 30 fps from `fromMs` on, at `speed` times real time, beginning at `nowMs`. */
function send(pace: SourcePace, seconds: number, speed = 1, fromMs = 0, nowMs = 0): void {
  for (let frame = 0; frame <= seconds * 30; frame += 1) {
    const ms = frame * 1000 / 30;
    pace.note(fromMs + ms, nowMs + ms / speed);
  }
}

test("a publisher that sends as it records is never ahead", () => {
  const pace = new SourcePace();
  send(pace, 600);
  expect(pace.aheadMs).toBeLessThan(1);
});

test("a file that is sent at once is ahead by what it did not take the time for", () => {
  const pace = new SourcePace();
  send(pace, 60, 10);
  expect(pace.aheadMs).toBeGreaterThan(53_000);
  expect(pace.aheadMs).toBeLessThanOrEqual(54_000);
});

test("a clock that runs fast by a thousandth is not ahead after hours", () => {
  const pace = new SourcePace();
  send(pace, 4 * 3600, 1.001);
  expect(pace.aheadMs).toBeLessThan(50);
});

test("what comes late, and then all at once, is not ahead", () => {
  const pace = new SourcePace();
  send(pace, 10);
  send(pace, 20, 100, 10_000, 30_000);
  expect(pace.aheadMs).toBeLessThan(250);
});

test("a jump of the clock is forgotten in time", () => {
  const pace = new SourcePace();
  send(pace, 10);
  send(pace, 60, 1, 11_000, 10_000);
  expect(pace.aheadMs).toBe(0);
});
