import { describe, expect, test } from "vitest";
import type { MediaFrame } from "../../formats/media.ts";
import { SourceBacklog } from "./source-backlog.ts";

const FRAME_TICKS = 3600;
const MEBIBYTE = 1024 * 1024;

type Shape = { shownLater?: number; bytes?: number; track?: MediaFrame["track"] };

function frame(n: number, { shownLater = 0, bytes = 5, track = "video" }: Shape = {}): MediaFrame {
  const compositionTicks = shownLater * FRAME_TICKS;
  const data = new Uint8Array(bytes);
  return { track, dtsTicks: n * FRAME_TICKS, compositionTicks, isKeyframe: false, data };
}

type Filling = { count: number; gop?: number; shown?: number; bytes?: number; isTaken?: boolean };

/** `count` frames, a keyframe every `gop`; viewers are at `shown` throughout. */
function fill(backlog: SourceBacklog, filling: Filling): SourceBacklog {
  const { count, gop = 10, shown = -Infinity, bytes = 5, isTaken = false } = filling;
  for (let n = 0; n < count; n += 1) {
    backlog.add(frame(n, { bytes }), n % gop === 0, shown * FRAME_TICKS);
    if (isTaken) backlog.take();
  }
  return backlog;
}

function takeAll(backlog: SourceBacklog): MediaFrame[] {
  const frames: MediaFrame[] = [];
  for (let next = backlog.take(); next !== undefined; next = backlog.take()) frames.push(next);
  return frames;
}

const numbersOf = (frames: readonly MediaFrame[]) =>
  frames.map(({ dtsTicks }) => dtsTicks / FRAME_TICKS);
const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
const bytesOf = (frames: readonly MediaFrame[]) =>
  frames.reduce((sum, { data }) => sum + data.length, 0);

/** What another ffmpeg is given when viewers have been shown frame `shown`. */
function again(backlog: SourceBacklog, shown: number): number[] {
  backlog.rewind(shown * FRAME_TICKS);
  return numbersOf(takeAll(backlog));
}

describe("SourceBacklog", () => {
  test("gives each frame once, in order", () => {
    const backlog = fill(new SourceBacklog(), { count: 25 });
    expect(numbersOf(takeAll(backlog))).toEqual(upTo(0, 25));
    expect(backlog.hasWaiting).toBe(false);
    backlog.add(frame(25), false, -Infinity);
    expect(numbersOf(takeAll(backlog))).toEqual([25]);
  });

  test("goes back to the keyframe before the first picture that was not shown", () => {
    const backlog = fill(new SourceBacklog(), { count: 45, isTaken: true });
    expect(again(backlog, 23)).toEqual(upTo(20, 45));
    expect(again(backlog, 28)).toEqual(upTo(20, 45));
    expect(again(backlog, 29)).toEqual(upTo(30, 45));
  });

  test("has the newest group of pictures, also where all of it was shown", () => {
    const backlog = fill(new SourceBacklog(), { count: 45, isTaken: true });
    expect(again(backlog, 44)).toEqual(upTo(40, 45));
    expect(again(backlog, Infinity)).toEqual(upTo(40, 45));
  });

  test("holds as much time as there is: keyframes 20 s apart, two of them not shown", () => {
    const backlog = fill(new SourceBacklog(), { count: 1200, gop: 500, isTaken: true });
    expect(again(backlog, -1)).toEqual(upTo(0, 1200));
    expect(backlog.dropped).toBe(0);
  });

  test("a picture that is shown later than it is decoded counts by when it is shown", () => {
    const backlog = new SourceBacklog();
    backlog.add(frame(0), true, -Infinity);
    backlog.add(frame(1, { shownLater: 3 }), false, -Infinity);
    backlog.add(frame(2), false, -Infinity);
    backlog.add(frame(3), true, -Infinity);
    expect(again(backlog, 3)[0]).toBe(0);
    expect(again(backlog, 4)[0]).toBe(3);
  });

  test("audio between the pictures does not hold them back", () => {
    const backlog = new SourceBacklog();
    backlog.add(frame(0), true, -Infinity);
    backlog.add(frame(22, { track: "audio" }), false, -Infinity);
    backlog.add(frame(1), true, -Infinity);
    expect(again(backlog, 0)).toEqual([1]);
  });

  test("lets go of what was shown when the next keyframe comes", () => {
    const backlog = fill(new SourceBacklog(), { count: 45, shown: 35, isTaken: true });
    expect(again(backlog, -Infinity)[0]).toBe(30);
  });

  test("past 8 MiB the oldest groups that ffmpeg was not given keep their keyframes and sound", () => {
    const backlog = new SourceBacklog();
    backlog.add(frame(0), true, -Infinity);
    backlog.add(frame(0, { track: "audio" }), false, -Infinity);
    fill(backlog, { count: 35, bytes: 400_000 });
    expect(backlog.isFull).toBe(true);
    const frames = takeAll(backlog);
    expect(bytesOf(frames)).toBeLessThanOrEqual(8 * MEBIBYTE);
    expect(numbersOf(frames)).toEqual([0, 0, 0, 10, ...upTo(20, 35)]);
    expect(backlog.dropped).toBe(18);
  });

  test("one group that is larger goes on for an ffmpeg that keeps up, and loses nothing", () => {
    const backlog = new SourceBacklog();
    const taken: MediaFrame[] = [];
    for (let n = 0; n < 100; n += 1) {
      backlog.add(frame(n, { bytes: 400_000 }), n === 0, (n - 2) * FRAME_TICKS);
      taken.push(...takeAll(backlog));
    }
    expect(numbersOf(taken)).toEqual(upTo(0, 100));
    expect(backlog.dropped).toBe(0);
    // Another ffmpeg has a keyframe to begin with, and must wait for the next one.
    expect(again(backlog, 98)).toEqual([0]);
    backlog.add(frame(100), false, -Infinity);
    backlog.add(frame(101), true, -Infinity);
    expect(numbersOf(takeAll(backlog))).toEqual([101]);
  });

  test("one group that is larger waits for the next keyframe where nothing is taken", () => {
    const backlog = fill(new SourceBacklog(), { count: 35, gop: 30, bytes: 400_000 });
    expect(numbersOf(takeAll(backlog))).toEqual([0, ...upTo(30, 35)]);
  });

  test("skip() leaves out what waits but for keyframes, and the newest two seconds", () => {
    const backlog = fill(new SourceBacklog(), { count: 45 });
    for (let n = 0; n < 5; n += 1) backlog.take();
    backlog.skip();
    expect(numbersOf(takeAll(backlog))).toEqual([10, 20, 30, ...upTo(40, 45)]);
    const long = fill(new SourceBacklog(), { count: 100, gop: 1000 });
    for (let n = 0; n < 5; n += 1) long.take();
    long.skip();
    long.add(frame(100), false, -Infinity);
    expect(takeAll(long)).toEqual([]);
  });

  test("before the first keyframe there is nothing to decode", () => {
    const backlog = new SourceBacklog();
    backlog.add(frame(0), false, -Infinity);
    expect(again(backlog, -Infinity)).toEqual([]);
  });
});
