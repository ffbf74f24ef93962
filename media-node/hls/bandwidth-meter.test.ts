import { describe, expect, test } from "vitest";
import { peakBitrateBps } from "#shared/hls/check-bytes.ts";
import { BandwidthMeter } from "./bandwidth-meter.ts";

function peakOf(segments: readonly { bytes: number; durationS: number }[]): number {
  const meter = new BandwidthMeter(2);
  for (const segment of segments) meter.note({ ...segment, frames: 30 });
  return meter.peakBps;
}

describe("BandwidthMeter", () => {
  test("is at its peak in the runs of 0.5 to 1.5 target durations alone", () => {
    const segments = [[9000, 0.5], [2000, 1], [3000, 2], [1000, 2], [99_000, 4]]
      .map(([bytes = 0, durationS = 0]) => ({ bytes, durationS }));
    expect(peakOf(segments.slice(0, 4))).toBeCloseTo(11_000 * 8 / 1.5, 6);
    expect(peakOf(segments.slice(0, 4))).toBe(peakBitrateBps(segments.slice(0, 4), 2));
  });

  test("measures what a playlist says: 0.9999999999999999 s is half a target of 2 s", () => {
    const segments = [
      { bytes: 20_019, durationS: 0.9999999999999999 },
      { bytes: 19_143, durationS: 1.0000000000000002 },
      { bytes: 39_100, durationS: 2.0000000000000004 },
    ];
    expect(peakOf(segments)).toBeCloseTo(20_019 * 8, 6);
    const [, ...late] = segments;
    expect(peakOf(late)).toBeCloseTo(39_100 * 8 / 2, 0);
  });
});
