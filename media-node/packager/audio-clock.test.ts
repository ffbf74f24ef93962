import { expect, test } from "vitest";
import { AudioClock } from "./audio-clock.ts";

const config = {
  kind: "audio",
  asc: Uint8Array.of(0x12, 0x08),
  sampleRateHz: 44_100,
  channels: 1,
  samplesPerFrame: 1024,
} as const;

const frame = (ptsMs: number) => ({ ptsMs, data: new Uint8Array(1) });
const startsOf = (clock: AudioClock, ptsMs: readonly number[]) =>
  ptsMs.map((pts) => clock.place(frame(pts))?.startTicks ?? null);

test("place() counts samples, whatever milliseconds the tags were rounded to", () => {
  const ptsMs = Array.from({ length: 1000 }, (_, index) => Math.round(index * 1024 / 44.1));
  const expected = ptsMs.map((_, index) => index * 1024);
  expect(startsOf(new AudioClock(config), ptsMs)).toEqual(expected);
});

test("place() follows the tags over a hole", () => {
  expect(startsOf(new AudioClock(config), [0, 23, 1000, 1023])).toEqual([0, 1024, 44_100, 45_124]);
});

test("place() leaves a frame out once the count is a whole frame ahead of the tags", () => {
  expect(startsOf(new AudioClock(config), [100, 100, 100, 123])).toEqual([4410, null, null, 5434]);
});

test("a new clock of the same rate goes on after the old one", () => {
  const clock = new AudioClock(config);
  startsOf(clock, [0, 23]);
  expect(startsOf(new AudioClock(config, clock.nextTicks), [40])).toEqual([2048]);
});
