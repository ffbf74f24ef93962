import { describe, expect, test } from "vitest";
import {
  beginsPicture,
  joinNals,
  MAX_NALS,
  readNals,
  splitByteStream,
  splitNals,
} from "./nal-units.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const nalsOf = (text: string, lengthBytes = 4) => readNals(hex(text), lengthBytes);

test("splitNals() refuses lengths that do not add up, or are 0", () => {
  expect(splitNals(hex("00000002 6501 00000001 41"), 4)).toEqual([hex("6501"), hex("41")]);
  expect(splitNals(hex("0002 6501 0001 41"), 2)).toEqual([hex("6501"), hex("41")]);
  expect(splitNals(hex("00000003 6501"), 4)).toBeNull();
  expect(splitNals(hex("ffffffff 6501"), 4)).toBeNull();
  expect(splitNals(hex("00000001 65 00"), 4)).toBeNull();
  expect(splitNals(hex("00000000 00000001 65"), 4)).toBeNull();
});

test("splitByteStream() finds start codes of 3 and 4 bytes and drops the zeros behind a NAL unit", () => {
  expect(splitByteStream(hex("00000001 67aa 000001 68bb 0000000001 650000 03"))).toEqual(
    [hex("67aa"), hex("68bb"), hex("65000003")],
  );
  expect(splitByteStream(hex("6588"))).toEqual([]);
});

describe("readNals()", () => {
  const two = [hex("6501"), hex("4102")];

  test("takes what is as it says for what it is", () => {
    expect(nalsOf("00000002 6501 00000002 4102")).toEqual({ nals: two, isPlain: true });
    expect(nalsOf("0002 6501 0002 4102", 2)).toEqual({ nals: two, isPlain: false });
    expect(nalsOf("02 6501 02 4102", 1)).toEqual({ nals: two, isPlain: false });
  });

  test("knows a byte stream, whatever width of lengths was announced", () => {
    for (const lengthBytes of [1, 2, 4]) {
      expect(nalsOf("00000001 6501 00000001 4102", lengthBytes)?.nals).toEqual(two);
      expect(nalsOf("000001 6501 000001 4102", lengthBytes)?.nals).toEqual(two);
    }
  });

  test("a length of 256 to 511 bytes is no start code", () => {
    const nal = Uint8Array.of(0x65, ...new Uint8Array(0x101).fill(7));
    const unit = joinNals([nal]);
    expect([...unit.subarray(0, 3)]).toEqual([0, 0, 1]);
    expect(readNals(unit, 4)).toEqual({ nals: [nal], isPlain: true });
  });

  test("tries another width where the one announced does not fit", () => {
    expect(nalsOf("00000002 6501 00000002 4102", 2)).toEqual({ nals: two, isPlain: true });
    expect(nalsOf("65 88 84", 4)).toBeNull();
  });
});

test("beginsPicture() tells a picture's first slice from the others", () => {
  expect(beginsPicture(hex("6588"))).toBe(true);
  expect(beginsPicture(hex("6548"))).toBe(false);
  expect(beginsPicture(hex("6788"))).toBe(false);
});

test("no bytes make the readers throw, or hand on more than there was", () => {
  let seed = 11;
  const next = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) >>> 8;
  for (let round = 0; round < 20_000; round += 1) {
    const data = Uint8Array.from(
      { length: next() % 40 },
      () => (next() & 3) === 0 ? next() & 0xff : next() & 1,
    );
    const nals = readNals(data, [1, 2, 4][next() % 3] ?? 4)?.nals ?? [];
    expect(nals.reduce((sum, nal) => sum + nal.length, 0)).toBeLessThanOrEqual(data.length);
  }
});

test("an access unit of more NAL units than a picture has cannot be read, however they are framed", () => {
  const units = (count: number, unit: readonly number[]) =>
    Uint8Array.from(Array.from({ length: count }, () => unit).flat());
  expect(readNals(units(MAX_NALS, [0, 0, 0, 1, 0x41]), 1)?.nals).toHaveLength(MAX_NALS);
  for (const unit of [[0, 0, 0, 1, 0x41], [0, 0, 1, 0x41], [1, 0x41], [0, 1, 0x41]]) {
    expect(readNals(units(MAX_NALS + 1, unit), 4)).toBeNull();
    expect(readNals(units(MAX_NALS + 1, unit), 1)).toBeNull();
  }
});
