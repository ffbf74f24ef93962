/**
 * The two clocks of an engine: the broadcast's timeline, and ffmpeg's, on which the first frame lies
 * exactly on the grid of the output frame rate. Frames come back with their time rounded to
 * milliseconds; their number on the grid gives the exact time again.
 */
import { VIDEO_TIMESCALE } from "../media.ts";
import { frameAt, type FrameRate, timeOfFrame } from "./frame-rate.ts";

const TICKS_PER_MS = VIDEO_TIMESCALE / 1000;

export type FrameTime = { readonly dtsTicks: number; readonly durationTicks: number };

export class EngineClock {
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

  /** The time to write into a tag for ffmpeg. */
  toEngineMs(broadcastMs: number): number {
    return Math.max(0, Math.round(broadcastMs - this.#zeroMs) + this.#leadMs);
  }

  /** The time of something ffmpeg does not put on the grid: audio. */
  toBroadcastMs(engineMs: number): number {
    return engineMs - this.#leadMs + this.#zeroMs;
  }

  /** The exact time of the frame that ffmpeg stamped with `engineMs`. */
  frameTime(engineMs: number): FrameTime {
    const n = frameAt(engineMs, this.#rate) - this.#leadFrames;
    const start = timeOfFrame(n, this.#rate, VIDEO_TIMESCALE);
    const end = timeOfFrame(n + 1, this.#rate, VIDEO_TIMESCALE);
    return {
      dtsTicks: Math.round(this.#zeroMs * TICKS_PER_MS) + start,
      durationTicks: end - start,
    };
  }

  /** In ffmpeg's seconds: half a frame after the one that begins at `dtsTicks`. */
  justAfter(dtsTicks: number): number {
    const frameS = this.#rate.den / this.#rate.num;
    return this.toEngineMs(dtsTicks / TICKS_PER_MS) / 1000 + frameS / 2;
  }
}
