/**
 * The two clocks of an engine: the broadcast's timeline, and ffmpeg's, which begins about a second
 * in so that nothing is negative. Frames come back with their time in milliseconds; what is exact is
 * known on this side.
 */
import { frameAt, type FrameRate, isSlow, timeOfFrame } from "../formats/frame-rate.ts";
import { TICKS_PER_MS, VIDEO_TIMESCALE } from "../formats/media.ts";
import type { SourceClock } from "./source-clock.ts";

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
  /** The time to write for ffmpeg, in whole milliseconds. */
  toEngineMs(broadcastTicks: number): number;
  /** The time of something ffmpeg does not put on the grid: audio. */
  toBroadcastTicks(engineMs: number): number;
  /** The exact time of the frame that ffmpeg stamped with `engineMs`. */
  frameTime(engineMs: number): FrameTime;
  /** In ffmpeg's seconds: between the frame at `dtsTicks` and the one after it. */
  justAfter(dtsTicks: number): number;
  /** The same times for an ffmpeg that is given the source from the frame at `ticks` on. */
  restartAt(ticks: number): EngineClock;
}

/** Frames at a steady rate: the first one lies exactly on ffmpeg's grid, so a number gives a time. */
export class GridClock implements EngineClock {
  readonly #rate: FrameRate;
  /**
   * The frame number that stands for `zeroTicks`: about one second, so that nothing is negative. Where
   * ffmpeg fills its grid it begins to do so at 0.
   */
  readonly #leadFrames: number;
  readonly #zeroTicks: number;

  /** `zeroTicks`: when the first frame is shown on the broadcast's timeline. */
  constructor(rate: FrameRate, zeroTicks: number) {
    this.#rate = rate;
    this.#zeroTicks = Math.round(zeroTicks);
    this.#leadFrames = isSlow(rate) ? 0 : Math.ceil(rate.num / rate.den);
  }

  get #leadMs(): number {
    return timeOfFrame(this.#leadFrames, this.#rate, 1000);
  }

  toEngineMs(broadcastTicks: number): number {
    const sinceZeroMs = Math.round((broadcastTicks - this.#zeroTicks) / TICKS_PER_MS);
    return Math.max(0, sinceZeroMs + this.#leadMs);
  }

  toBroadcastTicks(engineMs: number): number {
    return (engineMs - this.#leadMs) * TICKS_PER_MS + this.#zeroTicks;
  }

  frameTime(engineMs: number): FrameTime {
    const n = frameAt(engineMs, this.#rate) - this.#leadFrames;
    const start = timeOfFrame(n, this.#rate, VIDEO_TIMESCALE);
    const end = timeOfFrame(n + 1, this.#rate, VIDEO_TIMESCALE);
    return { dtsTicks: this.#zeroTicks + start, durationTicks: end - start, isKeyframe: null };
  }

  justAfter(dtsTicks: number): number {
    const frameS = this.#rate.den / this.#rate.num;
    return this.toEngineMs(dtsTicks) / 1000 + frameS / 2;
  }

  /** Where ffmpeg fills its grid, it would else encode all the time since the broadcast began. */
  restartAt(ticks: number): EngineClock {
    if (!isSlow(this.#rate)) return this;
    const n = frameAt((ticks - this.#zeroTicks) / TICKS_PER_MS, this.#rate);
    return new GridClock(this.#rate, this.#zeroTicks + timeOfFrame(n, this.#rate, VIDEO_TIMESCALE));
  }
}

/** Frames where the source has them: ffmpeg passes their times through, and the source's clock knows more. */
export class PassedClock implements EngineClock {
  readonly #source: SourceClock;

  constructor(source: SourceClock) {
    this.#source = source;
  }

  toEngineMs(broadcastTicks: number): number {
    return Math.max(0, Math.round(broadcastTicks / TICKS_PER_MS) + SOURCE_LEAD_MS);
  }

  toBroadcastTicks(engineMs: number): number {
    return (engineMs - SOURCE_LEAD_MS) * TICKS_PER_MS;
  }

  frameTime(engineMs: number): FrameTime {
    return this.#source.at(engineMs - SOURCE_LEAD_MS) ??
      { dtsTicks: this.toBroadcastTicks(engineMs), durationTicks: 0, isKeyframe: null };
  }

  justAfter(dtsTicks: number): number {
    return (dtsTicks / TICKS_PER_MS + SOURCE_LEAD_MS + JUST_AFTER_MS) / 1000;
  }

  restartAt(): EngineClock {
    return this;
  }
}
