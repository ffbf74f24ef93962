import { expect, test } from "vitest";
import { AudioClock } from "./audio-clock.ts";

const CONFIG = { sampleRateHz: 48_000, samplesPerFrame: 1024 };
const FRAME_MS = 1024 / 48;
const FRAME_TICKS = 1920;

const tagged = (count: number, stamp: (ms: number, index: number) => number) =>
  Array.from({ length: count }, (_, index) => ({
    ms: stamp(index * FRAME_MS, index),
    data: Uint8Array.of(index & 255, index >> 8),
  }));

/** Times of the frames that got a place, in 1/90000 s. */
function placesOf(frames: ReturnType<typeof tagged>, clock = new AudioClock(CONFIG)): number[] {
  return frames.flatMap((frame) => clock.push(frame)).map(({ dtsTicks }) => dtsTicks);
}

const stepsOf = (times: readonly number[]) =>
  times.slice(1).map((time, index) => time - (times[index] ?? 0));

function jitter(spreadMs: number) {
  let seed = 5;
  return () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.round((seed / 2_147_483_648 - 0.5) * 2 * spreadMs);
  };
}

test("frames lie end to end, whatever milliseconds their tags were rounded to", () => {
  const times = placesOf(tagged(500, (ms) => Math.round(ms)));
  expect(new Set(stepsOf(times))).toEqual(new Set([FRAME_TICKS]));
});

test("no tag is believed alone: 45 ms of jitter move nothing and cost no frame", () => {
  const random = jitter(45);
  const times = placesOf(tagged(500, (ms) => Math.max(0, ms + random())));
  expect(times).toHaveLength(500);
  expect(new Set(stepsOf(times))).toEqual(new Set([FRAME_TICKS]));
});

test("frames that were left out leave their hole, with the frame after it in its place", () => {
  const frames = tagged(400, (ms) => ms).filter(({ ms }) => ms < 3000 || ms >= 6000);
  const times = placesOf(frames);
  expect(times).toHaveLength(frames.length);
  const holes = stepsOf(times).filter((step) => step !== FRAME_TICKS);
  expect(holes).toHaveLength(1);
  expect(Math.abs((holes[0] ?? 0) / 90 - 3000)).toBeLessThan(2 * FRAME_MS);
});

test("a tag that is alone with its time is heard where it was counted", () => {
  const times = placesOf(tagged(100, (ms, index) => (index === 50 ? ms + 700 : ms)));
  expect(times).toHaveLength(100);
  expect(new Set(stepsOf(times))).toEqual(new Set([FRAME_TICKS]));
});

test("a clock that runs fast or slow is followed within a tenth of a second", () => {
  for (const speed of [1.02, 0.98]) {
    const clock = new AudioClock(CONFIG);
    let offMs = 0;
    for (const frame of tagged(1000, (ms) => ms * speed)) {
      const [placed] = clock.push(frame);
      if (placed !== undefined) offMs = Math.max(offMs, Math.abs(frame.ms - placed.dtsTicks / 90));
    }
    expect(offMs).toBeLessThan(160);
  }
});

test("what a source with fewer samples than it says sends is not dropped", () => {
  const times = placesOf(tagged(400, (ms) => ms * 1.001));
  expect(times).toHaveLength(400);
});

test("another clock begins where the one before ended", () => {
  const first = new AudioClock(CONFIG);
  placesOf(tagged(10, (ms) => ms), first);
  const second = new AudioClock({ sampleRateHz: 44_100, samplesPerFrame: 1024 }, first.endTicks);
  const [placed] = second.push({ ms: 100, data: new Uint8Array(1) });
  expect(Math.abs((placed?.dtsTicks ?? 0) - 10 * FRAME_TICKS)).toBeLessThanOrEqual(2);
});

test("an encoder that stamps well and leaves out a few frames is believed at once", () => {
  for (const missing of [1, 2, 5, 10]) {
    const clock = new AudioClock(CONFIG);
    const frames = tagged(400, (ms) => Math.round(ms)).filter((_, n) =>
      n < 200 || n >= 200 + missing
    );
    let offMs = 0;
    let n = 0;
    for (const frame of frames) {
      for (const { dtsTicks, data } of clock.push(frame)) {
        const index = (data[0] ?? 0) + 256 * (data[1] ?? 0);
        offMs = Math.max(offMs, Math.abs(index * FRAME_MS - dtsTicks / 90));
        n += 1;
      }
    }
    expect(n).toBe(frames.length);
    expect(offMs).toBeLessThan(FRAME_MS);
  }
});
