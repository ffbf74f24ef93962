import { expect, test } from "vitest";
import { endsSegment } from "./segment-boundary.ts";

const LISTED = [
  { sn: 6, index: 0 },
  { sn: 6, index: 1 },
  { sn: 7, index: 0 },
  { sn: 7, index: 1 },
];

test("endsSegment() is true where the next part begins a segment", () => {
  expect(endsSegment({ sn: 6, index: 1 }, LISTED)).toBe(true);
  expect(endsSegment({ sn: 6, index: 0 }, LISTED)).toBe(false);
});

test("endsSegment() waits at the live edge, and knows what is past as complete", () => {
  expect(endsSegment({ sn: 7, index: 1 }, LISTED)).toBe(false);
  expect(endsSegment({ sn: 3, index: 4 }, LISTED)).toBe(true);
});
