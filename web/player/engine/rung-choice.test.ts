import { expect, test } from "vitest";
import { type Delivery, fittingLevel, measureLine, recent, roomyLevel } from "./rung-choice.ts";

const part = (bytes: number, tookMs: number): Delivery => ({ bytes, tookMs, mediaMs: 333 });
const BITRATES = [250_000, 800_000, 2_500_000];

test("measureLine() is what came in the time it took", () => {
  expect(measureLine([part(30_000, 400), part(30_000, 400)])).toEqual({
    bps: 600_000,
    load: 800 / 666,
  });
  expect(measureLine([])).toBeNull();
  expect(measureLine([part(30_000, 0)])).toBeNull();
});

test("measureLine() counts what is stuck on its way", () => {
  const stuck = { bytes: 3000, tookMs: 2000, mediaMs: 30 };
  expect(measureLine([part(30_000, 100), stuck])?.load).toBeGreaterThan(5);
});

test("recent() is about a second of media", () => {
  const deliveries = [1, 2, 3, 4, 5].map((tookMs) => part(1, tookMs));
  expect(recent(deliveries)).toEqual(deliveries.slice(2));
  expect(recent(deliveries.slice(0, 2))).toEqual(deliveries.slice(0, 2));
  const segment = { bytes: 1, tookMs: 9, mediaMs: 2000 };
  expect(recent([...deliveries, segment])).toEqual([segment]);
});

test.each([
  [2, 1_200_000, 1],
  [2, 9_000_000, 1],
  [2, 600_000, 0],
  [2, 100_000, 0],
  [1, 600_000, 0],
  [0, 100_000, 0],
])("fittingLevel() from %i at %i bit/s is %i", (level, bps, fitting) => {
  expect(fittingLevel(BITRATES, level, bps)).toBe(fitting);
});

test.each([
  [2, 4_000_000, 0.4, 1],
  [2, 4_000_000, 1.6, 1],
  [2, 4_000_000, 2.4, 1],
  [2, 1_200_000, 0.4, 1],
  [2, 1_200_000, 1.6, 0],
])(
  "fittingLevel() from %i at %i bit/s, %f s into a segment, is %i",
  (level, bps, againS, fitting) => {
    expect(fittingLevel(BITRATES, level, bps, againS)).toBe(fitting);
  },
);

test.each([
  [1_300_000, 0.3, 1],
  [1_200_000, 0.3, 0],
  [1_300_000, 0.7, -1],
  [90_000_000, 0.1, 2],
  [100_000, 0.1, -1],
])("roomyLevel() at %i bit/s with a load of %f is %i", (bps, load, level) => {
  expect(roomyLevel(BITRATES, { bps, load })).toBe(level);
});
