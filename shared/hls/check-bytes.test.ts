import { describe, expect, test } from "vitest";
import {
  checkBandwidth,
  checkContinuity,
  checkEqualStarts,
  checkStarts,
  isMadeOfParts,
  peakBitrateBps,
} from "./check-bytes.ts";
import { readStartTimes, readTrackClocks, readTrackSpans } from "./fragment-times.ts";

describe("checkBandwidth()", () => {
  const segments = [1000, 3000, 1000].map((bytes) => ({ bytes, durationS: 2 }));

  test("measures the peak over runs of about a target duration", () => {
    expect(peakBitrateBps(segments, 2)).toBe(12_000);
    expect(peakBitrateBps(segments, 4)).toBe(12_000);
    expect(peakBitrateBps([{ bytes: 9000, durationS: 0.1 }, ...segments], 2)).toBeLessThan(50_000);
    expect(peakBitrateBps([], 2)).toBe(0);
  });

  test("complains about a BANDWIDTH below it", () => {
    expect(checkBandwidth(12_000, segments, 2)).toEqual([]);
    expect(checkBandwidth(11_999, segments, 2))
      .toEqual(["BANDWIDTH is 11999, the measured peak 12000"]);
  });
});

describe("isMadeOfParts()", () => {
  const box = (type: string, ...content: number[][]) => {
    const bytes = content.flat();
    return [...u32(8 + bytes.length), ...Buffer.from(type), ...bytes];
  };
  const u32 = (...values: number[]) =>
    values.flatMap((value) => [24, 16, 8, 0].map((bits) => (value >>> bits) & 255));

  /** A fragment of track 1; each sample is one byte and lasts as long as that says. */
  const fragment = (decodeTicks: number, samples: readonly number[], durations = samples) => {
    const trunOf = (offset: number) =>
      box(
        "trun",
        u32(0x301, samples.length, offset),
        ...durations.map((duration) => u32(duration, 1)),
      );
    const moofOf = (offset: number) =>
      box(
        "moof",
        box(
          "traf",
          box("tfhd", u32(0x20000, 1)),
          box("tfdt", u32(0, decodeTicks)),
          trunOf(offset),
        ),
      );
    const moof = moofOf(moofOf(0).length + 8);
    return Uint8Array.from([...moof, ...box("mdat", [...samples])]);
  };

  test("tells a segment from other parts", () => {
    const whole = Uint8Array.of(1, 2, 3);
    expect(isMadeOfParts(whole, [Uint8Array.of(1), Uint8Array.of(2, 3)])).toBe(true);
    expect(isMadeOfParts(whole, [Uint8Array.of(1), Uint8Array.of(2)])).toBe(false);
    expect(isMadeOfParts(whole, [Uint8Array.of(1, 2, 4)])).toBe(false);
    expect(isMadeOfParts(whole, [Uint8Array.of(1, 2), Uint8Array.of(3, 4)])).toBe(false);
  });

  test("takes one fragment for several with the same samples", () => {
    const parts = [fragment(100, [10, 20]), fragment(130, [30])];
    expect(isMadeOfParts(fragment(100, [10, 20, 30]), parts)).toBe(true);
    expect(isMadeOfParts(fragment(101, [10, 20, 30]), parts)).toBe(false);
    expect(isMadeOfParts(fragment(100, [10, 20, 30], [11, 20, 30]), parts)).toBe(false);
    expect(isMadeOfParts(fragment(100, [10, 20, 31]), parts)).toBe(false);
    expect(isMadeOfParts(fragment(100, [10, 20]), parts)).toBe(false);
    expect(isMadeOfParts(fragment(100, [10, 20, 30]).subarray(0, -1), parts)).toBe(false);
  });
});

describe("times", () => {
  const segment = (name: string, startS: number, isDiscontinuous = false) => ({
    name,
    startS,
    durationS: 2,
    isDiscontinuous,
  });

  test("checkStarts() complains where EXTINF and timestamps part", () => {
    expect(checkStarts([segment("a", 0), segment("b", 2.01), segment("c", 9, true)])).toEqual([]);
    expect(checkStarts([segment("a", 0), segment("b", 2.2)]))
      .toEqual(["EXTINF of a is 2, b begins 2.200 s later"]);
  });

  test("checkEqualStarts() complains about renditions that part", () => {
    expect(checkEqualStarts("segment 3", [6, 6.0005, 6])).toEqual([]);
    expect(checkEqualStarts("segment 3", [6, 6.04])).toEqual([
      "segment 3 begins at 6.000, 6.040 s",
    ]);
  });

  test("checkContinuity() complains about holes and overlaps, but not at discontinuities", () => {
    const at = (startS: number, isDiscontinuous = false) => ({
      name: `the segment at ${startS}`,
      startS,
      endS: startS + 2,
      isDiscontinuous,
    });
    expect(checkContinuity([at(0), at(2), at(4.0001), at(9, true)])).toEqual([]);
    expect(checkContinuity([at(0), at(2.02), at(4)])).toEqual([
      "a hole of 0.0200 s before the segment at 2.02",
      "an overlap of 0.0200 s before the segment at 4",
    ]);
    expect(checkContinuity([at(0), at(2.02)], 0.03)).toEqual([]);
    expect(checkContinuity([at(0), { ...at(2), endS: Number.NaN }, at(4)])).toEqual([
      "a hole of NaN s before the segment at 4",
    ]);
  });

  test("readTrackSpans() adds up the samples of all fragments of a track", () => {
    const clocks = [{ trackId: 7, handler: "vide", timescale: 1000 }];
    const fragment = (start: number, trun: Buffer) =>
      box(
        "moof",
        box("traf", box("tfhd", uint32(0, 7)), box("tfdt", uint32(1 << 24, 0, start)), trun),
      );
    const told = box("trun", uint32(0x701, 2, 0, 300, 9, 0, 200, 9, 0));
    const first = fragment(1000, told);
    expect(readTrackSpans(Buffer.concat([first, fragment(1500, told)]), clocks))
      .toEqual(new Map([[7, { startS: 1, endS: 2 }]]));
    const untold = fragment(1500, box("trun", uint32(0x200, 1, 9)));
    expect(readTrackSpans(Buffer.concat([first, untold]), clocks))
      .toEqual(new Map([[7, { startS: 1, endS: Number.NaN }]]));
    expect(readTrackSpans(fragment(0, box("trun", uint32(0x100, 900))), clocks).get(7)?.endS)
      .toBeNaN();
  });

  test("readStartTimes() reads what the boxes say, and nothing from anything else", () => {
    const init = box("moov", box("trak", box("tkhd", uint32(0, 0, 0, 7, 0, 0)), mdia(90_000)));
    const clocks = readTrackClocks(init);
    expect(clocks).toEqual([{ trackId: 7, handler: "vide", timescale: 90_000 }]);
    const traf = box("traf", box("tfhd", uint32(0, 7)), box("tfdt", uint32(1 << 24, 0, 180_000)));
    const media = Buffer.concat([box("styp"), box("moof", traf), box("mdat", uint32(1))]);
    expect(readStartTimes(media, clocks)).toEqual(new Map([[7, 2]]));
    expect(readStartTimes(media.subarray(0, 30), clocks)).toEqual(new Map());
    expect(readTrackClocks(Uint8Array.of(0x47, 0, 0, 0, 1, 2, 3, 4, 5))).toEqual([]);
  });
});

function box(type: string, ...contents: Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([uint32(body.length + 8), Buffer.from(type), body]);
}

function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32BE(value, index * 4));
  return bytes;
}

function mdia(timescale: number): Buffer {
  const hdlr = Buffer.concat([uint32(0, 0), Buffer.from("vide"), uint32(0)]);
  return box("mdia", box("mdhd", uint32(0, 0, 0, timescale, 0, 0)), box("hdlr", hdlr));
}
