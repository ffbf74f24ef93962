import { describe, expect, test } from "vitest";
import type { WireTag } from "./port.ts";
import { Timeline } from "./timeline.ts";

const VIDEO = Uint8Array.of(0x27, 1, 0, 0, 80, 1, 2, 3);
const AUDIO = Uint8Array.of(0xaf, 1, 1, 2);
const VIDEO_CONFIG = Uint8Array.of(0x17, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7);
const SCRIPT = Uint8Array.of(2, 0, 1, 0x61);

const video = (timestampMs: number): WireTag => ({ type: "video", timestampMs, body: VIDEO });
const audio = (timestampMs: number): WireTag => ({ type: "audio", timestampMs, body: AUDIO });

/** A publisher of 25 fps and 48 kHz AAC, interleaved by time, on a clock of its own. */
function* interleave(durationMs: number, clockMs: (ms: number) => number): Generator<WireTag> {
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

/** Places all tags, checking what must hold of any input. */
function placeAll(tags: Iterable<WireTag>, timeline = new Timeline()) {
  const last = { audio: -1, video: -1, script: -1 };
  const placed = [];
  for (const tag of tags) {
    const out = timeline.place(tag);
    expect(Number.isInteger(out.dtsMs)).toBe(true);
    expect(out.dtsMs).toBeGreaterThan(last[out.type]);
    expect(out.dtsMs - Math.max(last.audio, last.video, 0)).toBeLessThanOrEqual(1000);
    last[out.type] = out.dtsMs;
    placed.push(out);
  }
  return placed;
}

describe("Timeline", () => {
  test("place() keeps a steady publisher's steps and both tracks in step", () => {
    const placed = placeAll(interleave(2000, (ms) => ms + 123_456));
    const times = (type: string) => placed.filter((tag) => tag.type === type).map((t) => t.dtsMs);
    expect(times("video").slice(0, 4)).toEqual([0, 40, 80, 120]);
    expect(times("audio").slice(0, 4)).toEqual([0, 21, 43, 64]);
    expect(placed.every((tag) => !tag.isDiscontinuity)).toBe(true);
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
    const tags: WireTag[] = [...interleave(2000, (ms) => ms)];
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
    const tags: WireTag[] = [];
    for (let ms = 1000; ms < 5000; ms += 40) tags.push(audio(ms), video(ms - 800));
    const placed = placeAll(tags, timeline);
    expect(timeline.jumps).toBe(0);
    expect(placed.at(-2)?.dtsMs).toBe(3960);
    expect(placed.at(-1)?.dtsMs).toBe(3160);
  });

  test("place() puts headers and scripts at the head, whatever their timestamp", () => {
    const timeline = new Timeline();
    placeAll(interleave(1000, (ms) => ms), timeline);
    const { headMs } = timeline;
    const config = timeline.place({ type: "video", timestampMs: 0, body: VIDEO_CONFIG });
    const script = timeline.place({ type: "script", timestampMs: 9e8, body: SCRIPT });
    expect([config.dtsMs, script.dtsMs]).toEqual([headMs, headMs]);
    expect(timeline.place(video(1040)).dtsMs).toBe(1040);
    expect(timeline.jumps).toBe(0);
  });

  test("resume() goes on without a gap and flags the first tag", () => {
    const timeline = new Timeline();
    placeAll(interleave(2000, (ms) => ms + 5_000_000), timeline);
    const { headMs } = timeline;
    timeline.resume();
    const script = timeline.place({ type: "script", timestampMs: 0, body: SCRIPT });
    expect(script.isDiscontinuity).toBe(false);
    const placed = [...interleave(400, (ms) => ms)].map((tag) => timeline.place(tag));
    expect(placed[0]).toMatchObject({ dtsMs: headMs + 33, isDiscontinuity: true });
    expect(placed.slice(1).every((tag) => !tag.isDiscontinuity)).toBe(true);
    expect(timeline.headMs - headMs).toBeLessThan(450);
    expect(timeline.jumps).toBe(0);
  });

  test("resume() before the first tag flags nothing", () => {
    const timeline = new Timeline();
    timeline.resume();
    expect(timeline.place(video(7))).toMatchObject({ dtsMs: 0, isDiscontinuity: false });
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
