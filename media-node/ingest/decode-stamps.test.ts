import { expect, test } from "vitest";
import { DecodeStamps } from "./decode-stamps.ts";

/** Two B-frames between P-frames at 30 fps, in the order of decoding: when each is shown. */
const SHOWN_MS = [0, 100, 33, 67, 200, 133, 167, 300, 233, 267, 400, 333, 367];

type Source = {
  readonly reorderFrames?: number | null;
  readonly fromMs?: number;
  readonly compositionMs?: number;
};

function place(
  shownMs: readonly number[],
  { reorderFrames = 2, fromMs = 0, compositionMs = 0 }: Source = {},
) {
  const stamps = new DecodeStamps();
  return shownMs.map((ms) => {
    const placed = stamps.place({ timestampMs: (fromMs + ms) >>> 0, compositionMs }, reorderFrames);
    return { decodedMs: (placed.timestampMs - fromMs) | 0, ...placed };
  });
}

const shownOf = (placed: ReturnType<typeof place>) =>
  placed.map(({ decodedMs, compositionMs }) => decodedMs + compositionMs);

test.each([0, 2 ** 32 - 150])(
  "each frame is shown as stamped, decoded in order (from %i)",
  (fromMs) => {
    const placed = place(SHOWN_MS, { fromMs });
    expect(shownOf(placed)).toEqual(SHOWN_MS);
    const decoded = placed.map(({ decodedMs }) => decodedMs);
    expect(decoded).toEqual(decoded.toSorted((one, other) => one - other));
    expect(new Set(decoded).size).toBe(decoded.length);
    // Once it is known, no frame is decoded after it is shown.
    for (const { compositionMs } of placed.slice(6)) {
      expect(compositionMs).toBeGreaterThanOrEqual(
        0,
      );
    }
  },
);

test("where the stream says nothing, it takes a second step back", () => {
  const placed = place(SHOWN_MS, { reorderFrames: null });
  expect(placed.slice(0, 5).every(({ compositionMs }) => compositionMs === 0)).toBe(true);
  expect(shownOf(placed)).toEqual(SHOWN_MS);
  expect(placed.at(-1)?.decodedMs).toBeLessThan(SHOWN_MS.at(-1) ?? 0);
});

test("stamps of a stream without B-frames, or with offsets, are left as they are", () => {
  const untouched = (placed: ReturnType<typeof place>) =>
    placed.map(({ decodedMs }, index) => decodedMs - (SHOWN_MS[index] ?? 0));
  const zeros = SHOWN_MS.map(() => 0);
  expect(untouched(place(SHOWN_MS, { reorderFrames: 0 }))).toEqual(zeros);
  expect(untouched(place(SHOWN_MS, { compositionMs: 67 }))).toEqual(zeros);
});

test("a clock that is set goes on from where it is", () => {
  const later = SHOWN_MS.map((ms) => ms - 60_000);
  const placed = place([...SHOWN_MS, ...later, ...SHOWN_MS.map((ms) => ms + 9000)]);
  expect(shownOf(placed)).toEqual([...SHOWN_MS, ...later, ...SHOWN_MS.map((ms) => ms + 9000)]);
  expect(Math.max(...placed.map(({ compositionMs }) => Math.abs(compositionMs)))).toBeLessThan(200);
});
