import { expect, test } from "vitest";
import { hasCaptions } from "./caption-mark.ts";

const mark = [0xb5, 0, 0x31, ...new TextEncoder().encode("GA94"), 3];

test.each([
  ["alone", mark, true],
  ["among others, behind half of one", [0, 0xb5, 0, 0xb5, ...mark, 7], true],
  ["cut off", [0xb5, ...mark.slice(0, -1)], false],
  ["of another kind", [...mark.slice(0, -1), 6], false],
  ["not there", [], false],
])("hasCaptions() of a mark that is %s", (_how, bytes, expected) => {
  expect(hasCaptions(Uint8Array.from(bytes))).toBe(expected);
});
