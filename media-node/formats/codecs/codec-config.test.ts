import { describe, expect, test } from "vitest";
import { parseAacConfig } from "./aac-config.ts";
import { makeAvcConfig, parseAvcConfig } from "./avc-config.ts";
import { parseAvcSps } from "./avc-sps.ts";
import { BitReader } from "./bit-reader.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

describe("parseAacConfig()", () => {
  test.each([
    ["LC 48 kHz stereo", "1190", "mp4a.40.2", 48_000, 2, 1024],
    ["LC 44.1 kHz mono", "1208", "mp4a.40.2", 44_100, 1, 1024],
    ["LC with an explicit rate of 44 100", "1780 5622 10", "mp4a.40.2", 44_100, 2, 1024],
    ["LC 5.1", "11b0", "mp4a.40.2", 48_000, 6, 1024],
    ["LC in frames of 960", "1194", "mp4a.40.2", 48_000, 2, 960],
    ["HE-AAC, said first", "2b11 8800", "mp4a.40.5", 48_000, 2, 2048],
    ["HE-AAC, said behind LC", "1310 56e5 9800", "mp4a.40.5", 48_000, 2, 2048],
    ["HE-AAC v2", "eb09 8800", "mp4a.40.29", 48_000, 1, 2048],
  ])("reads %s", (_name, bytes, codec, sampleRateHz, channels, samplesPerFrame) => {
    expect(parseAacConfig(hex(bytes))).toMatchObject({
      codec,
      sampleRateHz,
      channels,
      samplesPerFrame,
    });
  });

  test.each([
    ["nothing", ""],
    ["half of it", "11"],
    ["a rate that is reserved", "16ff"],
    ["a rate that is cut off", "1780"],
    ["a rate of 1 Hz", "1780 0000 90"],
    ["a rate of 16 MHz", "17ff ffff 90"],
    ["HE-AAC that gives out less than its core has", "2f87 fffe f800 0004 80"],
    ["HE-AAC that gives out three times as much", "2c09 8800"],
  ])("refuses %s", (_name, bytes) => {
    expect(() => parseAacConfig(hex(bytes))).toThrow(RangeError);
  });
});

/** Baseline, square; 4096 wide it is cut to 2304 lines. */
function writeSps(widthPx: number, id: number): Uint8Array {
  const macroblocks = widthPx / 16;
  const rows = widthPx === 4096 ? 144 : macroblocks;
  const coded = (value: number) => {
    const bits = (value + 1).toString(2);
    return "0".repeat(bits.length - 1) + bits;
  };
  const bits = [
    coded(id),
    coded(0),
    coded(2),
    coded(1),
    "0",
    coded(macroblocks - 1),
    coded(rows - 1),
    "11001",
  ].join("");
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "0");
  const bytes = padded.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? [];
  return Uint8Array.of(0x67, 66, 0, 52, ...bytes);
}

describe("AVC", () => {
  // x264, 1920×1080 (cropped from 1088), High 4.0, 30 fps, two B-frames; then its PPS.
  const avcC = hex(
    "01640028 ff e1 001b 67640028acd940780227e5c044000003000400000300f03c60c658 01 0006 68ebe3cb22c0",
  );

  test("parseAvcConfig() reads size, rate and reordering from a real SPS", () => {
    expect(parseAvcConfig(avcC)).toMatchObject({
      nalLengthBytes: 4,
      sps: {
        profileIdc: 100,
        levelIdc: 40,
        width: 1920,
        height: 1080,
        chromaFormatIdc: 1,
        bitDepth: 8,
        fps: 30,
        maxReorderFrames: 2,
        isInterlaced: false,
      },
    });
  });

  test.each([
    ["nothing", ""],
    ["another version", "02640028ffe1001b"],
    ["no SPS", "01640028ffe0000000"],
    ["an SPS that is cut off", "01640028ffe1001b67640028"],
    ["another NAL unit", "01640028ffe1000268eb"],
  ])("parseAvcConfig() refuses %s", (_name, bytes) => {
    expect(() => parseAvcConfig(hex(bytes))).toThrow(RangeError);
  });

  test("parseAvcSps() throws nothing but RangeError on any bytes", () => {
    let seed = 3;
    const next = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) >>> 8;
    for (let round = 0; round < 5000; round += 1) {
      const bytes = Uint8Array.from({ length: 1 + (next() % 40) }, () => next() & 0xff);
      bytes[0] = 0x67;
      try {
        const { width, height } = parseAvcSps(bytes);
        expect(Math.min(width, height)).toBeGreaterThan(0);
        expect(Math.max(width, height)).toBeLessThanOrEqual(32_768);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
  });

  test("parseAvcConfig() keeps the parameter sets, and says that lengths are 4 bytes wide", () => {
    const narrow = avcC.slice();
    narrow[4] = 0xfd;
    const config = parseAvcConfig(narrow);
    expect(config).toMatchObject({ nalLengthBytes: 2, avcC });
    expect(config.spsNals).toHaveLength(1);
    expect(config.ppsNals).toEqual([hex("68ebe3cb22c0")]);
  });

  test("the SPS that counts is one that is too large to decode, wherever it stands", () => {
    const { spsNals, ppsNals } = parseAvcConfig(avcC);
    const sizeOf = (...nals: readonly Uint8Array[]) => {
      const { sps } = makeAvcConfig({ spsNals: nals, ppsNals });
      return [sps.width, sps.height];
    };
    const [first = new Uint8Array()] = spsNals;
    expect(sizeOf(first, writeSps(320, 1))).toEqual([1920, 1080]);
    expect(sizeOf(first, writeSps(4096, 1))).toEqual([1920, 1080]);
    expect(sizeOf(first, writeSps(8192, 1))).toEqual([8192, 8192]);
    expect(sizeOf(first, hex("6764"))).toEqual([1920, 1080]);
  });

  test("makeAvcConfig() makes the record of the parameter sets in a stream", () => {
    const made = makeAvcConfig(parseAvcConfig(avcC));
    expect(made.avcC).toEqual(Uint8Array.from([...avcC, 0xfd, 0xf8, 0xf8, 0]));
    expect(parseAvcConfig(made.avcC).sps).toEqual(parseAvcConfig(avcC).sps);
    expect(() => makeAvcConfig({ spsNals: [], ppsNals: [] })).toThrow(RangeError);
  });
});

test("BitReader reads Exp-Golomb codes and stops at the end", () => {
  const reader = new BitReader(Uint8Array.of(0b1010_0110, 0b0100_0010, 0b1000_0000));
  expect([reader.unsigned(), reader.unsigned(), reader.unsigned(), reader.unsigned()]).toEqual(
    [0, 1, 2, 3],
  );
  expect(reader.signed()).toBe(-2);
  expect(() => new BitReader(new Uint8Array(9)).unsigned()).toThrow(RangeError);
  expect(() => new BitReader(Uint8Array.of(1)).bits(9)).toThrow(RangeError);
  expect(new BitReader(new Uint8Array(4).fill(255)).bits(32)).toBe(0xffffffff);
});
