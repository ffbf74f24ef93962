import { expect, test } from "vitest";
import { shiftedSegment, shiftOf } from "./shifted-segment.ts";

test.each([
  ["", null],
  ["init=0", null],
  ["shift=-10021&init=0", { shiftMs: -10_021, initNumber: 0 }],
  ["shift=8000&init=12", { shiftMs: 8000, initNumber: 12 }],
  ["shift=-10021", /needs the number of the init segment/],
  ["shift=-10021&init=x", /needs the number of the init segment/],
  ["shift=0&init=0", /not a whole number/],
  ["shift=1e9&init=0", /not a whole number/],
  ["shift=9999999999999&init=0", /not a whole number/],
])("shiftOf() of %j", (query, expected) => {
  const shift = shiftOf(new URLSearchParams(query));
  if (expected instanceof RegExp) expect(shift).toMatch(expected);
  else expect(shift).toEqual(expected);
});

test("shiftedSegment() is null of what is no segment", () => {
  const text = new TextEncoder().encode("no boxes at all");
  expect(shiftedSegment(text, text, -1000)).toBeNull();
});
