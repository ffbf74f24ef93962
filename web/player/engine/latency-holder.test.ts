import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LatencyHolder, type LiveSituation } from "./latency-holder.ts";

/** As much of a media element as the holder sees. */
class FakeVideo extends EventTarget {
  playbackRate = 1;
  paused = false;
  seeking = false;
  readonly seeks: number[] = [];
  #timeS = 100;

  get currentTime(): number {
    return this.#timeS;
  }

  set currentTime(timeS: number) {
    this.seekUnsaid(timeS);
    this.dispatchEvent(new Event("seeking"));
  }

  /** A browser says so a moment later. */
  seekUnsaid(timeS: number): void {
    this.#timeS = timeS;
    this.seeks.push(timeS);
  }
}

let edgeS: number;
let liveS: (targetS: number) => number;
let video: FakeVideo;
let holder: LatencyHolder;
let situation: Partial<LiveSituation>;

beforeEach(() => {
  vi.useFakeTimers();
  edgeS = 101;
  liveS = (targetS) => edgeS - targetS;
  situation = {};
  video = new FakeVideo();
  holder = new LatencyHolder(video as unknown as HTMLVideoElement, {
    position: () => ({
      latencyS: edgeS - video.currentTime,
      targetS: 1,
      closestS: 1,
      promisingS: 1,
      bufferS: 1,
      spareS: 0,
      isGrowing: true,
      isCarried: true,
      ...situation,
    }),
    livePositionS: (targetS) => liveS(targetS),
  }, { jumpS: 3, reserveS: 0.3, stallS: 0.15 });
  video.dispatchEvent(new Event("playing"));
  vi.advanceTimersByTime(2000);
});

afterEach(() => {
  holder.destroy();
  vi.useRealTimers();
});

/** The picture stood while the broadcast went on by `seconds`. */
function fallBehind(seconds: number): void {
  edgeS += seconds;
}

test("LatencyHolder jumps to live after a stall, and stays at live", () => {
  fallBehind(9);
  vi.advanceTimersByTime(200);
  expect(video.seeks).toEqual([edgeS - 1]);
  expect(holder.isAtLive).toBe(true);
});

test("LatencyHolder waits where nothing new comes", () => {
  situation = { isGrowing: false };
  for (let seconds = 0; seconds < 20; seconds += 1) {
    fallBehind(1);
    vi.advanceTimersByTime(1000);
  }
  expect(video.seeks).toEqual([]);
  expect(video.playbackRate).toBe(1);
  situation = {};
  vi.advanceTimersByTime(200);
  expect(video.seeks).toEqual([edgeS - 1]);
});

test("LatencyHolder never jumps back", () => {
  liveS = () => 95;
  fallBehind(9);
  vi.advanceTimersByTime(5000);
  holder.jumpToLive();
  expect(video.seeks).toEqual([]);
});

test("LatencyHolder leaves a viewer alone who seeks back", () => {
  video.currentTime = 90;
  expect(holder.isAtLive).toBe(false);
  vi.advanceTimersByTime(5000);
  expect(video.seeks).toEqual([90]);
  expect(video.playbackRate).toBe(1);
});

test("LatencyHolder leaves a viewer alone whose seek back is not said yet", () => {
  video.seeking = true;
  video.seekUnsaid(90);
  vi.advanceTimersByTime(100);
  video.dispatchEvent(new Event("seeking"));
  video.seeking = false;
  vi.advanceTimersByTime(5000);
  expect(video.seeks).toEqual([90]);
  expect(holder.isAtLive).toBe(false);
});

test("LatencyHolder takes no seek over a gap for the viewer's choice", () => {
  fallBehind(9);
  video.currentTime += 0.2;
  expect(holder.isAtLive).toBe(true);
  vi.advanceTimersByTime(200);
  expect(video.seeks.at(-1)).toBe(edgeS - 1);
});

test("LatencyHolder holds again for a viewer who seeks forward to live", () => {
  video.currentTime = 90;
  video.currentTime = 95;
  expect(holder.isAtLive).toBe(false);
  video.currentTime = 99.5;
  expect(holder.isAtLive).toBe(true);
});

test("LatencyHolder keeps its distance on a line too slow for the picture", () => {
  const before = holder.targetS;
  const stallOften = () => {
    for (let stalls = 0; stalls < 8; stalls += 1) video.dispatchEvent(new Event("waiting"));
  };
  situation = { isCarried: false };
  stallOften();
  expect(holder.targetS).toBe(before);
  situation = {};
  stallOften();
  expect(holder.targetS).toBeGreaterThan(before ?? Infinity);
});

test("LatencyHolder keeps further away at once on a line that is known to be late", () => {
  const before = holder.targetS ?? 0;
  situation = { spareS: 0.5 };
  expect(holder.targetS).toBeCloseTo(before + 0.5);
});
