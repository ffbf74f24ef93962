import { expect, test } from "vitest";
import { estimateOffsetMs } from "./server-clock.ts";

test("estimateOffsetMs() trusts the quickest answer", () => {
  expect(estimateOffsetMs([
    { sentMs: 1000, receivedMs: 1400, serverMs: 61_050 },
    { sentMs: 2000, receivedMs: 2020, serverMs: 62_010 },
  ])).toBe(60_000);
});

test("estimateOffsetMs() knows nothing without an answer", () => {
  expect(estimateOffsetMs([])).toBeNull();
});
