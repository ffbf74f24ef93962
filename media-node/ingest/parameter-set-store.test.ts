import { describe, expect, test } from "vitest";
import { makeAvcConfig } from "../formats/codecs/avc-config.ts";
import { ParameterSetStore } from "./parameter-set-store.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

// x264, 1920×1080, High 4.0, with its PPS; and 320×180 Baseline.
const LARGE_SPS = hex("67640028acd940780227e5c044000003000400000300f03c60c658");
const SMALL_SPS = hex("6742c00dd901419f9f0110000003001000000303c0f142a480");
const PPS = hex("68ebe3cb22c0");
const OTHER_PPS = hex("68eb e3cb 22d0");
/** Its id, the first code behind the type, is 1. */
const SECOND_PPS = hex("68 4b e3 cb 22 c0");
const SLICE = hex("65 88 80");

const LARGE = makeAvcConfig({ spsNals: [LARGE_SPS], ppsNals: [PPS] });
const SMALL = makeAvcConfig({ spsNals: [SMALL_SPS], ppsNals: [PPS] });

describe("useHeader()", () => {
  test("tells a new header from one that is repeated, or says the same", () => {
    const store = new ParameterSetStore();
    expect(store.config).toBeNull();
    expect(store.useHeader(LARGE.avcC)).toBe(true);
    expect(store.config?.sps).toMatchObject({ width: 1920, height: 1080 });
    expect(store.useHeader(LARGE.avcC.slice())).toBe(false);
    // The same sets, without the bytes behind them.
    expect(store.useHeader(LARGE.avcC.subarray(0, -4))).toBe(false);
    expect(store.useHeader(SMALL.avcC)).toBe(true);
    expect(store.config?.sps).toMatchObject({ width: 320, height: 180 });
  });

  test("one that cannot be read leaves everything as it is", () => {
    const store = new ParameterSetStore();
    expect(store.useHeader(hex("0164"))).toBe(false);
    expect(store.config).toBeNull();
    store.useHeader(LARGE.avcC);
    expect(store.useHeader(hex("0264002800"))).toBe(false);
    expect(store.config?.sps.width).toBe(1920);
  });

  test("how wide lengths are is what the header says, whatever is handed on", () => {
    const store = new ParameterSetStore();
    const narrow = LARGE.avcC.slice();
    narrow[4] = 0xfd;
    store.useHeader(narrow);
    expect(store.config).toMatchObject({ nalLengthBytes: 2, avcC: LARGE.avcC });
    // Sets in the stream do not say how wide lengths are.
    store.useStream([SMALL_SPS, PPS]);
    expect(store.config).toMatchObject({ nalLengthBytes: 2, sps: { width: 320 } });
  });
});

describe("useStream()", () => {
  test("an access unit without parameter sets says nothing", () => {
    const store = new ParameterSetStore();
    expect(store.useStream([SLICE])).toBe(false);
    expect(store.config).toBeNull();
  });

  test("the sets of the stream are a configuration once both kinds are there", () => {
    const store = new ParameterSetStore();
    expect(store.useStream([LARGE_SPS])).toBe(false);
    expect(store.config).toBeNull();
    expect(store.useStream([LARGE_SPS, PPS, SLICE])).toBe(true);
    expect(store.config).toMatchObject({ nalLengthBytes: 4, sps: { width: 1920 } });
    expect(store.useStream([LARGE_SPS, PPS])).toBe(false);
  });

  test("an SPS of the same id takes the place of the one before", () => {
    const store = new ParameterSetStore();
    store.useHeader(LARGE.avcC);
    expect(store.useStream([SMALL_SPS, PPS, SLICE])).toBe(true);
    expect(store.config?.spsNals).toEqual([SMALL_SPS]);
    expect(store.config?.sps).toMatchObject({ width: 320, height: 180 });
    expect(store.useStream([LARGE_SPS])).toBe(true);
    expect(store.config?.sps.width).toBe(1920);
  });

  test("a PPS of another id is kept beside, one of the same id replaces", () => {
    const store = new ParameterSetStore();
    store.useHeader(LARGE.avcC);
    expect(store.useStream([SECOND_PPS])).toBe(true);
    expect(store.config?.ppsNals).toEqual([SECOND_PPS, PPS]);
    expect(store.useStream([OTHER_PPS])).toBe(true);
    expect(store.config?.ppsNals).toEqual([OTHER_PPS, SECOND_PPS]);
  });

  test("sets outlive the tag they came in", () => {
    const store = new ParameterSetStore();
    const tag = LARGE_SPS.slice();
    store.useStream([tag, PPS]);
    tag.fill(0, 4);
    expect(store.config?.spsNals).toEqual([LARGE_SPS]);
  });

  test("an SPS that cannot be read changes nothing", () => {
    const store = new ParameterSetStore();
    store.useHeader(LARGE.avcC);
    expect(store.useStream([hex("67 64"), PPS])).toBe(false);
    expect(store.config?.spsNals).toEqual([LARGE_SPS]);
  });

  test("ids without end are not kept", () => {
    const store = new ParameterSetStore();
    store.useHeader(LARGE.avcC);
    // Exp-Golomb codes of 5 to 40: more than there may be sets.
    for (let id = 5; id < 40; id += 1) store.useStream([ppsWithId(id)]);
    expect(store.config?.ppsNals).toHaveLength(16);
  });
});

/** A PPS that begins with the Exp-Golomb code of `id`. */
function ppsWithId(id: number): Uint8Array {
  const code = (id + 1).toString(2);
  const bits = `${"0".repeat(code.length - 1)}${code}1111`.padEnd(24, "1");
  const bytes = [0, 8, 16].map((at) => Number.parseInt(bits.slice(at, at + 8), 2));
  return Uint8Array.of(0x68, ...bytes);
}

test("sets that are larger or more than any encoder has are none", () => {
  const store = new ParameterSetStore();
  store.useHeader(LARGE.avcC);
  const large = new Uint8Array(7 * 1024 * 1024).fill(0x55);
  large[0] = 0x68;
  expect(store.useStream([large])).toBe(false);
  const many = Array.from({ length: 1000 }, (_, at) => Uint8Array.of(0x68, 0x80 | (at & 127), at));
  expect(store.useStream(many)).toBe(true);
  expect(store.config?.ppsNals.length).toBeLessThanOrEqual(16);
  expect(store.useHeader(Buffer.concat([LARGE.avcC, new Uint8Array(200_000)]))).toBe(false);
});
