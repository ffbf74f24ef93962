import { describe, expect, test } from "vitest";
import { joinNals, MAX_NALS } from "../formats/codecs/nal-units.ts";
import { AccessUnits, type UnitPiece } from "./access-units.ts";

const SPS = Uint8Array.of(0x67, 1);
const SEI = Uint8Array.of(0x06, 2);
const IDR = Uint8Array.of(0x65, 0x80, 1);
const IDR_REST = Uint8Array.of(0x65, 0x40, 2);
const SLICE = Uint8Array.of(0x41, 0x80, 3);
const REST = Uint8Array.of(0x41, 0x40, 4);

function piece(timestampMs: number, ...nals: readonly Uint8Array[]): UnitPiece {
  const plain = joinNals(nals);
  return {
    timestampMs,
    atMs: 7000 + timestampMs,
    compositionMs: 5,
    isFlaggedKeyframe: false,
    nals,
    plain,
  };
}

/** What came out, and a collector to put more in. */
function createUnits(mayBeField = false) {
  const units: UnitPiece[] = [];
  const collector = new AccessUnits((unit) => units.push(unit));
  const push = (...pieces: readonly UnitPiece[]) => {
    for (const one of pieces) collector.push(one, mayBeField);
  };
  const described = () => units.map(({ timestampMs, nals }) => [timestampMs, ...nals]);
  return { collector, units, push, described };
}

describe("AccessUnits", () => {
  test("the first picture waits for the tag after it; then each is handed on at once", () => {
    const { push, described, units } = createUnits();
    push(piece(0, IDR));
    expect(units).toEqual([]);
    push(piece(33, SLICE));
    expect(described()).toEqual([[0, IDR], [33, SLICE]]);
    push(piece(66, SLICE));
    expect(described()).toHaveLength(3);
  });

  test("a whole tag keeps its bytes, its times and its flag", () => {
    const { push, units, collector } = createUnits();
    const first = { ...piece(0, SPS, IDR), isFlaggedKeyframe: true };
    push(first);
    collector.flush();
    expect(units).toEqual([first]);
    expect(units[0]?.plain).toBe(first.plain);
  });

  test("slices in tags of their own become one picture", () => {
    const { push, described, collector, units } = createUnits();
    push(piece(0, IDR), piece(0, IDR_REST), piece(33, SLICE), piece(33, REST));
    collector.flush();
    expect(described()).toEqual([[0, IDR, IDR_REST], [33, SLICE, REST]]);
    expect(units[0]?.plain).toBeNull();
  });

  test("what holds no picture goes in front of the next one, whose time counts", () => {
    const { push, described, collector, units } = createUnits();
    push(piece(0, SPS), piece(0, SEI));
    expect(units).toEqual([]);
    push({ ...piece(33, IDR), isFlaggedKeyframe: true });
    collector.flush();
    expect(described()).toEqual([[33, SPS, SEI, IDR]]);
    expect(units[0]).toMatchObject({ isFlaggedKeyframe: true, plain: null });
  });

  test("two pictures of one time are two", () => {
    const { push, described, collector } = createUnits();
    push(piece(0, IDR), piece(0, SLICE));
    collector.flush();
    expect(described()).toEqual([[0, IDR], [0, SLICE]]);
  });

  test("two fields of one time are one picture, a third one is another", () => {
    const { push, described, collector } = createUnits(true);
    push(piece(0, IDR), piece(0, SLICE), piece(0, SLICE));
    collector.flush();
    expect(described()).toEqual([[0, IDR, SLICE], [0, SLICE]]);
  });

  test("the rest of a picture that was handed on is left out, and the next one is waited for", () => {
    const { push, described, collector } = createUnits();
    push(piece(0, IDR), piece(33, SLICE), piece(33, REST), piece(66, SLICE));
    expect(described()).toEqual([[0, IDR], [33, SLICE]]);
    push(piece(66, REST));
    collector.flush();
    expect(described()).toEqual([[0, IDR], [33, SLICE], [66, SLICE, REST]]);
  });

  test("flush() hands on a picture, and leaves what holds none waiting", () => {
    const { push, described, collector } = createUnits();
    push(piece(0, SPS));
    collector.flush();
    expect(described()).toEqual([]);
    push(piece(0, IDR));
    collector.flush();
    collector.flush();
    expect(described()).toEqual([[0, SPS, IDR]]);
  });

  test("parameter sets without end are not kept", () => {
    const { push, described, collector } = createUnits();
    const large = new Uint8Array(100_000).fill(0x67);
    push(piece(0, large), piece(1, large), piece(2, large), piece(3, IDR));
    collector.flush();
    expect(described()).toEqual([[3, IDR]]);
  });

  test("the first picture does not wait for the next one when the sound is further on", () => {
    const { push, described, collector } = createUnits();
    push(piece(0, IDR));
    collector.flushBefore(120);
    expect(described()).toEqual([]);
    collector.flushBefore(160);
    expect(described()).toEqual([[0, IDR]]);
    // Its rest came too late: from here on every picture is waited for.
    push(piece(0, IDR_REST), piece(2000, SLICE));
    collector.flushBefore(3000);
    expect(described()).toHaveLength(1);

    const wrapping = createUnits();
    wrapping.push(piece(2 ** 32 - 10, IDR));
    wrapping.collector.flushBefore(2 ** 32 - 5);
    expect(wrapping.described()).toHaveLength(0);
    wrapping.collector.flushBefore(200);
    expect(wrapping.described()).toHaveLength(1);
  });

  test("what holds no picture waits within bounds, however small its pieces are", () => {
    const { push, described, collector } = createUnits();
    push(piece(0, IDR), piece(33, SLICE));
    const many = Array.from({ length: MAX_NALS - 1 }, () => Uint8Array.of(0x06));
    push(piece(66, ...many), piece(66, SEI), piece(66, SEI));
    expect(collector.dropped).toBe(1);
    push(piece(100, SLICE));
    expect(described().at(-1)).toEqual([100, SLICE]);
    for (let tag = 0; tag < 20_000; tag += 1) push(piece(133, SEI));
    expect(collector.dropped).toBe(4);
  });

  test("a picture without an end is left out, its rest as well", () => {
    const { push, described, collector } = createUnits();
    push(piece(0, IDR), piece(0, IDR_REST), piece(33, SLICE), piece(33, REST));
    const rest = new Uint8Array(1024 * 1024).fill(1);
    rest.set([0x41, 0x40]);
    for (let tag = 0; tag < 20; tag += 1) push(piece(33, rest));
    push(piece(66, SLICE), piece(100, SLICE));
    expect(collector.dropped).toBe(1);
    expect(described()).toEqual([[0, IDR, IDR_REST], [66, SLICE]]);
  });
});
