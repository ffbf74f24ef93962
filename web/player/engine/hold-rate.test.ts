import { expect, test } from "vitest";
import { holdRate, type LivePosition, MAX_RATE } from "./hold-rate.ts";

const at = (latencyS: number, bufferS = latencyS): LivePosition => ({
  latencyS,
  targetS: 1,
  bufferS,
});
const rateAt = (latencyS: number, rate = 1) => {
  const step = holdRate(at(latencyS), rate, 3);
  return step.kind === "rate" ? step.rate : step.kind;
};

test("holdRate() leaves a picture alone that is where it should be", () => {
  expect([0.95, 1, 1.05].map((latencyS) => rateAt(latencyS))).toEqual([1, 1, 1]);
});

test("holdRate() plays faster the further it is behind, up to the limit", () => {
  const rates = [1.1, 1.3, 1.8, 3.5].map((latencyS) => Number(rateAt(latencyS)));
  expect(rates).toEqual(rates.toSorted((a, b) => a - b));
  expect(rates[0]).toBeGreaterThan(1);
  expect(rates.at(-1)).toBe(MAX_RATE);
});

test("holdRate() plays slower when it is too close to the edge", () => {
  expect(rateAt(0.8)).toBeLessThan(1);
  expect(rateAt(0.3)).toBeGreaterThanOrEqual(0.9);
});

test("holdRate() ends a correction close to the target and does not overshoot", () => {
  expect(rateAt(1.05, 1.1)).toBeGreaterThan(1);
  expect(rateAt(1.01, 1.1)).toBe(1);
  expect(rateAt(0.96, 1.1)).toBe(1);
  expect(rateAt(1.04, 0.95)).toBe(1);
});

test("holdRate() gives up on a distance that would take too long", () => {
  expect(rateAt(4.5)).toBe("jump");
});

test("holdRate() slows down before the buffer is empty, however far behind", () => {
  expect(holdRate(at(2, 0.1), 1.2, 3)).toEqual({ kind: "rate", rate: 0.9 });
});
