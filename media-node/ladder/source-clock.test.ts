import { describe, expect, test } from "vitest";
import type { MediaFrame } from "../formats/media.ts";
import { toFrameRate } from "../formats/frame-rate.ts";
import { SourceClock } from "./source-clock.ts";

const frameAt = (ptsMs: number, isKeyframe = false): MediaFrame => ({
  track: "video",
  dtsTicks: ptsMs * 90,
  compositionTicks: 0,
  isKeyframe,
  data: Uint8Array.of(9),
});

const place = (clock: SourceClock, times: readonly number[]) =>
  times.map((ptsMs) => clock.place(frameAt(ptsMs)));

describe("SourceClock", () => {
  test.each([30, 60, 25, 24_000 / 1001, 30_000 / 1001])(
    "gives frames at %f a second their exact times again",
    (fps) => {
      const clock = new SourceClock(toFrameRate(fps));
      const frames = place(
        clock,
        Array.from({ length: 600 }, (_, n) => Math.round(n * 1000 / fps)),
      );
      for (const [n, { dtsTicks, durationTicks }] of frames.entries()) {
        expect(Math.abs(dtsTicks - n * 90_000 / fps)).toBeLessThanOrEqual(1);
        if (n > 5) expect(Math.abs(durationTicks - 90_000 / fps)).toBeLessThanOrEqual(1);
      }
    },
  );

  test("keeps the times of a source without a steady rate", () => {
    const times = [0, 40, 80, 100, 250, 261];
    const frames = place(new SourceClock(toFrameRate(30)), times);
    expect(frames.map(({ dtsTicks }) => dtsTicks / 90)).toEqual(times);
    expect(frames.every(({ durationTicks }) => durationTicks === 0)).toBe(true);
  });

  test("goes on in step after a frame that was left out", () => {
    const clock = new SourceClock(toFrameRate(30));
    place(clock, [0, 33, 67, 100, 133, 167]);
    const [late] = place(clock, [233]);
    expect(late).toMatchObject({ dtsTicks: 233 * 90, durationTicks: 0 });
  });

  test("finds a frame by the time it was stamped with", () => {
    const clock = new SourceClock(toFrameRate(30));
    clock.place(frameAt(0, true));
    clock.place(frameAt(33));
    expect(clock.at(0)).toMatchObject({ dtsTicks: 0, isKeyframe: true });
    expect(clock.at(33)).toMatchObject({ dtsTicks: 3000, isKeyframe: false });
    expect(clock.at(34)).toBeUndefined();
  });

  test("follows a clock that drifts", () => {
    const clock = new SourceClock(toFrameRate(30));
    const frames = place(clock, Array.from({ length: 9000 }, (_, n) => Math.round(n * 33.4)));
    expect(Math.abs((frames.at(-1)?.dtsTicks ?? 0) / 90 - 8999 * 33.4)).toBeLessThan(2.5);
    expect(frames.filter(({ durationTicks }) => durationTicks === 0).length).toBeLessThan(10);
  });
});
