import { expect, test } from "vitest";
import type { RecordedSegment } from "#shared/hls/recorded-playlist.ts";
import { startAtZero, startOf } from "./clip-timeline.ts";

const segmentOf = (name: string, isDiscontinuous = false): RecordedSegment => ({
  key: `videos/abc/1/high/${name}.m4s`,
  initKey: "videos/abc/1/high/init-0.mp4",
  durationS: 2,
  isDiscontinuous,
  wallClockMs: null,
  shiftMs: 0,
});
const STARTS: Readonly<Record<string, number>> = { "seg-5": 10.0213, "seg-7": 40.5, "seg-0": 0 };
const readStart = (segment: RecordedSegment) => {
  const [name = ""] = /seg-\d+/.exec(segment.key) ?? [];
  return Promise.resolve(STARTS[name] ?? null);
};
const shiftsOf = async (segments: readonly RecordedSegment[]) =>
  (await startAtZero({ targetDurationS: 2, segments }, readStart)).segments
    .map(({ shiftMs }) => shiftMs);

test("startAtZero() begins at 0, and puts each stretch behind the one before", async () => {
  const segments = [
    segmentOf("seg-5"),
    segmentOf("seg-6"),
    segmentOf("seg-7", true),
    segmentOf("seg-8"),
    // A broadcast that began anew.
    segmentOf("seg-0", true),
  ];
  expect(await shiftsOf(segments)).toEqual([-10_021, -10_021, -36_500, -36_500, 8000]);
});

test("startAtZero() leaves what does not say when it begins", async () => {
  expect(await shiftsOf([segmentOf("seg-99"), segmentOf("seg-100")])).toEqual([0, 0]);
  expect(startOf(new TextEncoder().encode("init"), new TextEncoder().encode("segment"))).toBeNull();
});
