import { describe, expect, test } from "vitest";
import { parameterSetsOf, withParameterSets } from "./parameter-sets.ts";

const SPS = [0x67, 1, 2];
const PPS = [0x68, 3];
const AVC_C = Uint8Array.of(1, 100, 0, 31, 0xff, 0xe1, 0, 3, ...SPS, 1, 0, 2, ...PPS);
const SETS = [0, 0, 0, 3, ...SPS, 0, 0, 0, 2, ...PPS];
const nal = (...bytes: number[]) => [0, 0, 0, bytes.length, ...bytes];

test("parameterSetsOf() puts SPS and PPS behind their lengths", () => {
  expect([...parameterSetsOf(AVC_C)]).toEqual(SETS);
});

test("parameterSetsOf() has nothing of a record that is cut off", () => {
  // Up to the count of the PPS: nothing says then that one is missing.
  for (const length of [0, 5, 6, 7, 8, 10, 12, 13, 14, 15]) {
    expect(parameterSetsOf(AVC_C.subarray(0, length)).length, `${length} bytes`).toBe(0);
  }
});

describe("withParameterSets()", () => {
  const sets = Uint8Array.from(SETS);

  test("puts them before a picture that has none", () => {
    const picture = Uint8Array.from(nal(0x65, 4, 5));
    expect([...withParameterSets(picture, sets)]).toEqual([...SETS, ...picture]);
  });

  test("puts them behind a delimiter, which comes first", () => {
    const [delimiter, picture] = [nal(9, 16), nal(0x65, 4, 5)];
    const unit = Uint8Array.from([...delimiter, ...picture]);
    expect([...withParameterSets(unit, sets)]).toEqual([...delimiter, ...SETS, ...picture]);
  });

  test("leaves a picture alone that brings its own, and does not look behind its slices", () => {
    const own = Uint8Array.from([...nal(9, 16), ...nal(...SPS), ...nal(0x65, 4)]);
    expect(withParameterSets(own, sets)).toBe(own);
    const late = Uint8Array.from([...nal(0x65, 4), ...nal(...SPS)]);
    expect(withParameterSets(late, sets).length).toBe(sets.length + late.length);
  });

  test("gets along with lengths that lie", () => {
    const lying = Uint8Array.from([0xff, 0xff, 0xff, 0xff, 9, 1]);
    expect(withParameterSets(lying, sets).length).toBe(sets.length + lying.length);
  });
});
