/**
 * The two clocks of an engine: the broadcast's timeline, and ffmpeg's, which begins about a second
 * in so that nothing is negative. Frames come back with their time in milliseconds; what is exact is
 * known on this side.
 */
import { VIDEO_TIMESCALE } from "../formats/media.ts";
import { frameAt, type FrameRate, timeOfFrame } from "../formats/frame-rate.ts";
import type { SourceClock } from "./source-clock.ts";

const TICKS_PER_MS = VIDEO_TIMESCALE / 1000;
const SOURCE_LEAD_MS = 1000;
/** More than a source's time was moved to lie in step, less than a frame. */
const JUST_AFTER_MS = 2.5;

export type FrameTime = {
  readonly dtsTicks: number;
  /** 0: only the next frame tells. */
  readonly durationTicks: number;
  /** What the source's frame was; null: the encoder decides. */
  readonly isKeyframe: boolean | null;
};

export interface EngineClock {
  /** The time to write into a tag for ffmpeg. */
  toEngineMs(broadcastMs: number): number;
  /** The time of something ffmpeg does not put on the grid: audio. */
  toBroadcastMs(engineMs: number): number;
  /** The exact time of the frame that ffmpeg stamped with `engineMs`. */
  frameTime(engineMs: number): FrameTime;
  /** In ffmpeg's seconds: between the frame at `dtsTicks` and the one after it. */
  justAfter(dtsTicks: number): number;
}

/** Frames at a steady rate: the first one lies exactly on ffmpeg's grid, so a number gives a time. */
export class GridClock implements EngineClock {
  readonly #rate: FrameRate;
  /** The frame number that stands for `zeroMs`: about one second, so that nothing is negative. */
  readonly #leadFrames: number;
  readonly #zeroMs: number;

  /** `zeroMs`: when the first frame is shown on the broadcast's timeline. */
  constructor(rate: FrameRate, zeroMs: number) {
    this.#rate = rate;
    this.#zeroMs = zeroMs;
    this.#leadFrames = Math.ceil(rate.num / rate.den);
  }

  get #leadMs(): number {
    return timeOfFrame(this.#leadFrames, this.#rate, 1000);
  }

  toEngineMs(broadcastMs: number): number {
    return Math.max(0, Math.round(broadcastMs - this.#zeroMs) + this.#leadMs);
  }

  toBroadcastMs(engineMs: number): number {
    return engineMs - this.#leadMs + this.#zeroMs;
  }

  frameTime(engineMs: number): FrameTime {
    const n = frameAt(engineMs, this.#rate) - this.#leadFrames;
    const start = timeOfFrame(n, this.#rate, VIDEO_TIMESCALE);
    const end = timeOfFrame(n + 1, this.#rate, VIDEO_TIMESCALE);
    return {
      dtsTicks: Math.round(this.#zeroMs * TICKS_PER_MS) + start,
      durationTicks: end - start,
      isKeyframe: null,
    };
  }

  justAfter(dtsTicks: number): number {
    const frameS = this.#rate.den / this.#rate.num;
    return this.toEngineMs(dtsTicks / TICKS_PER_MS) / 1000 + frameS / 2;
  }
}

/** Frames where the source has them: ffmpeg passes their times through, and the source's clock knows more. */
export class PassedClock implements EngineClock {
  readonly #source: SourceClock;

  constructor(source: SourceClock) {
    this.#source = source;
  }

  toEngineMs(broadcastMs: number): number {
    return Math.max(0, Math.round(broadcastMs) + SOURCE_LEAD_MS);
  }

  toBroadcastMs(engineMs: number): number {
    return engineMs - SOURCE_LEAD_MS;
  }

  frameTime(engineMs: number): FrameTime {
    const broadcastMs = this.toBroadcastMs(engineMs);
    return this.#source.at(broadcastMs) ??
      { dtsTicks: broadcastMs * TICKS_PER_MS, durationTicks: 0, isKeyframe: null };
  }

  justAfter(dtsTicks: number): number {
    return (dtsTicks / TICKS_PER_MS + SOURCE_LEAD_MS + JUST_AFTER_MS) / 1000;
  }
}
