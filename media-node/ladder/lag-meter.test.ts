import { expect, test } from "vitest";
import { LagMeter } from "./lag-meter.ts";

const FRAME = { track: "video", compositionTicks: 0, isKeyframe: false, data: new Uint8Array(1) };
const frameAt = (ms: number) => ({ ...FRAME, track: "video", dtsTicks: ms * 90 }) as const;

function meterAfter(timesMs: readonly number[], aheadMs = 0): LagMeter {
  const meter = new LagMeter();
  for (const ms of timesMs) meter.note(frameAt(ms), aheadMs);
  return meter;
}

const every = (stepMs: number, count: number) =>
  Array.from({ length: count }, (_, n) => n * stepMs);

test("LagMeter says how far what was shown is behind, but for what a decoder may hold back", () => {
  const meter = meterAfter(every(40, 101));
  expect(meter.behind(4000 * 90)).toBe(0);
  expect(meter.behind(3900 * 90)).toBe(0);
  expect(meter.behind(2000 * 90)).toBe(1840);
});

test.each([["one frame a second", 1000], ["0.3 frames a second", 3333]])(
  "LagMeter takes no frame that is due for a lag: %s",
  (_, stepMs) => {
    const meter = meterAfter(every(stepMs, 10));
    expect(meter.behind(5 * stepMs * 90)).toBe(0);
    expect(meter.behind(0)).toBe(5 * stepMs);
  },
);

test("LagMeter counts the lag before a pause of the source", () => {
  expect(meterAfter([...every(40, 101), 34_000]).behind(2000 * 90)).toBe(31_840);
});

test("LagMeter knows no lag of what came before its time, or before anything was shown", () => {
  expect(meterAfter(every(40, 101), 3000).behind(0)).toBe(840);
  expect(meterAfter(every(40, 101)).behind(-Infinity)).toBe(0);
  expect(new LagMeter().behind(0)).toBe(0);
});
