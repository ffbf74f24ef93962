import { expect, test } from "vitest";
import { AudioClock, timeAudio } from "./audio-clock.ts";

const config = {
  kind: "audio",
  asc: Uint8Array.of(0x12, 0x08),
  sampleRateHz: 44_100,
  channels: 1,
  samplesPerFrame: 1024,
} as const;

const TICKS_PER_SAMPLE = 90_000 / 44_100;
const startsOf = (clock: AudioClock, dtsTicks: readonly number[]) =>
  dtsTicks.map((ticks) =>
    clock.place({ dtsTicks: ticks, data: new Uint8Array(1) })?.startTicks ?? null
  );
/** 1/90000 s of times in ms. */
const ticks = (ms: readonly number[]) => ms.map((time) => time * 90);

test("place() counts samples, whatever ticks or milliseconds their times were rounded to", () => {
  const frames = Array.from({ length: 1000 }, (_, index) => index * 1024);
  const inTicks = frames.map((samples) => Math.round(samples * TICKS_PER_SAMPLE));
  expect(startsOf(new AudioClock(config), inTicks)).toEqual(frames);
  const inMs = ticks(frames.map((samples) => Math.round(samples / 44.1)));
  expect(startsOf(new AudioClock(config), inMs)).toEqual(frames);
});

test("place() follows the times over a hole", () => {
  const starts = startsOf(new AudioClock(config), ticks([0, 23, 1000, 1023]));
  expect(starts).toEqual([0, 1024, 44_100, 45_124]);
});

test("place() leaves a frame out once the count is a whole frame ahead of the times", () => {
  const starts = startsOf(new AudioClock(config), ticks([100, 100, 100, 123]));
  expect(starts).toEqual([4410, null, null, 5434]);
});

test("a new clock of the same rate goes on after the old one", () => {
  const clock = new AudioClock(config);
  startsOf(clock, ticks([0, 23]));
  expect(startsOf(new AudioClock(config, clock.nextTicks), ticks([40]))).toEqual([2048]);
});

test("timeAudio() tells when a frame is heard, in samples and in 1/90000 s", () => {
  const data = Uint8Array.of(1);
  const end90k = expect.closeTo(90_000 + 1024 * TICKS_PER_SAMPLE, 6);
  expect(timeAudio(config, 44_100, data)).toEqual({
    startTicks: 44_100,
    durationTicks: 1024,
    start90k: 90_000,
    end90k,
    config,
    data,
  });
});
