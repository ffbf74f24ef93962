import { describe, expect, test } from "vitest";
import { Timeline } from "./timeline.ts";

/** One frame: its track, what its publisher stamped it with, and when it came. */
type Stamp = {
  readonly track: "audio" | "video";
  readonly timestampMs: number;
  readonly atMs?: number;
};

const video = (timestampMs: number): Stamp => ({ track: "video", timestampMs });
const audio = (timestampMs: number): Stamp => ({ track: "audio", timestampMs });

/** A publisher of 25 fps and 48 kHz AAC, interleaved by time, on a clock of its own. */
function* interleave(durationMs: number, clockMs: (ms: number) => number): Generator<Stamp> {
  let videoMs = 0;
  let audioMs = 0;
  while (Math.min(videoMs, audioMs) < durationMs) {
    if (videoMs <= audioMs) {
      yield video(clockMs(videoMs) >>> 0);
      videoMs += 40;
    } else {
      yield audio(clockMs(Math.round(audioMs)) >>> 0);
      audioMs += 21.333;
    }
  }
}

/** Places all frames, which come at once, checking what must hold of any input. */
function placeAll(stamps: Iterable<Stamp>, timeline = new Timeline()) {
  const last = { audio: -1, video: -1 };
  const placed: { track: Stamp["track"]; dtsMs: number }[] = [];
  for (const { track, timestampMs, atMs = 0 } of stamps) {
    const dtsMs = timeline.place(track, timestampMs, atMs);
    expect(Number.isInteger(dtsMs)).toBe(true);
    if (track === "video") expect(dtsMs).toBeGreaterThan(last.video);
    else expect(dtsMs).toBeGreaterThanOrEqual(Math.max(0, last.audio - 150));
    expect(dtsMs - Math.max(last.audio, last.video, 0)).toBeLessThanOrEqual(1000);
    last[track] = Math.max(dtsMs, last[track]);
    placed.push({ track, dtsMs });
  }
  return placed;
}

describe("Timeline", () => {
  test("place() keeps a steady publisher's steps and both tracks in step", () => {
    const placed = placeAll(interleave(2000, (ms) => ms + 123_456));
    const times = (track: string) =>
      placed.filter((one) => one.track === track).map(({ dtsMs }) => dtsMs);
    expect(times("video").slice(0, 4)).toEqual([0, 40, 80, 120]);
    expect(times("audio").slice(0, 4)).toEqual([0, 21, 43, 64]);
  });

  test("place() goes over the 32-bit wrap without a step", () => {
    const timeline = new Timeline();
    const placed = placeAll(interleave(4000, (ms) => 0xffffffff - 2000 + ms), timeline);
    expect(timeline.headMs).toBeGreaterThanOrEqual(3960);
    expect(timeline.headMs).toBeLessThan(4040);
    expect(timeline.jumps).toBe(0);
    expect(placed.length).toBeGreaterThan(280);
  });

  test.each([
    ["a jump of +100 s", 100_000],
    ["a jump of +1 h", 3_600_000],
    ["a jump of 20 days", 20 * 86_400_000],
    ["a jump back of 1 h", -3_600_000],
    ["a jump back to 0", -1_000_000],
  ])("place() closes %s to a frame, once", (_name, jumpMs) => {
    const timeline = new Timeline();
    placeAll(interleave(4000, (ms) => 1_000_000 + ms + (ms >= 2000 ? jumpMs : 0)), timeline);
    expect(timeline.jumps).toBe(1);
    expect(timeline.headMs).toBeGreaterThan(3900);
    expect(timeline.headMs).toBeLessThan(4100);
  });

  test("place() counts one jump when tags of the old clock still trickle in behind it", () => {
    const timeline = new Timeline();
    const tags: Stamp[] = [...interleave(2000, (ms) => ms)];
    for (let ms = 0; ms < 400; ms += 40) {
      tags.push(video(9_000_000 + ms));
      tags.push(audio(ms < 200 ? 2010 + ms : 9_000_000 + ms));
    }
    placeAll(tags, timeline);
    expect(timeline.jumps).toBe(1);
    expect(timeline.headMs).toBeLessThan(2500);
  });

  test("place() leaves a track that lags by less than a second where it is", () => {
    const timeline = new Timeline();
    const tags: Stamp[] = [];
    for (let ms = 1000; ms < 5000; ms += 40) tags.push(audio(ms), video(ms - 800));
    const placed = placeAll(tags, timeline);
    expect(timeline.jumps).toBe(0);
    expect(placed.at(-2)?.dtsMs).toBe(3960);
    expect(placed.at(-1)?.dtsMs).toBe(3160);
  });

  test("resume() goes on without a gap", () => {
    const timeline = new Timeline();
    placeAll(interleave(2000, (ms) => ms + 5_000_000), timeline);
    const { headMs } = timeline;
    timeline.resume();
    const placed = [...interleave(400, (ms) => ms)].map(({ track, timestampMs }) =>
      timeline.place(track, timestampMs, 0)
    );
    expect(placed[0]).toBeGreaterThan(headMs - 50);
    expect(placed[0]).toBeLessThanOrEqual(headMs + 33);
    expect(timeline.headMs - headMs).toBeLessThan(450);
    expect(timeline.jumps).toBe(0);
  });

  test("a clock that is set back loses no frame and moves neither track against the other", () => {
    const stamps = [...interleave(4000, (ms) => 10_000 + ms - (ms >= 2000 ? 700 : 0))];
    const placed = placeAll(stamps);
    const times = (track: string) =>
      placed.filter((one) => one.track === track).map(({ dtsMs }) => dtsMs);
    const steps = times("video").slice(1).map((ms, at) => ms - (times("video")[at] ?? 0));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(20);
    expect(Math.max(...steps)).toBeLessThan(100);
    const offset = (times("audio").at(-1) ?? 0) - (times("video").at(-1) ?? 0);
    expect(Math.abs(offset)).toBeLessThan(45);
  });

  test("a gap is real when it passed on the wall clock, and none when it did not", () => {
    const camera = (atMs: (ms: number) => number) =>
      Array.from({ length: 12 }, (_, n): Stamp => {
        const ms = n * 1000 + (n % 2) * 12;
        return { track: "video", timestampMs: ms, atMs: atMs(ms) };
      });
    const timeline = new Timeline();
    for (const { track, timestampMs, atMs = 0 } of camera((ms) => ms)) {
      timeline.place(track, timestampMs, atMs);
    }
    expect(timeline.headMs).toBe(11_012);
    expect(timeline.jumps).toBe(0);
    const slow = new Timeline();
    for (const seconds of [0, 7, 14]) slow.place("video", seconds * 1000, seconds * 1000 - 900);
    expect(slow.headMs).toBe(14_000);
    const file = new Timeline();
    for (const seconds of [0, 7, 14]) file.place("video", seconds * 1000, seconds);
    expect(file.headMs).toBeLessThan(100);
  });

  test("place() stays monotonic and bounded on any clock at all", () => {
    let seed = 42;
    const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
    const clocks: ((last: number) => number)[] = [
      (last) => last + 40,
      (last) => last,
      (last) => last - random() * 900,
      (last) => last + random() * 3_600_000,
      (last) => last - random() * 3_600_000,
      () => random() * 0xffffffff,
      () => 0,
      () => 0xffffffff,
    ];
    for (let round = 0; round < 50; round += 1) {
      const timeline = new Timeline();
      let last = 0;
      const tags = Array.from({ length: 400 }, () => {
        last = (clocks[Math.floor(random() * clocks.length)] ?? (() => 0))(last) >>> 0;
        return random() < 0.5 ? video(last) : audio(last);
      });
      placeAll(tags, timeline);
      expect(timeline.headMs).toBeLessThan(400 * 1000);
    }
  });
});
