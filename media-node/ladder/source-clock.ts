/**
 * The exact times of a source's frames. FLV rounds them to milliseconds; where the frames come at a
 * steady rate, counting them gives the time again that was rounded. One clock serves every rendition
 * of a broadcast whose source is copied, so that their frames lie at equal ticks.
 */
import { type FrameRate, timeOfFrame } from "../formats/frame-rate.ts";
import { type MediaFrame, ptsTicksOf, TICKS_PER_MS, VIDEO_TIMESCALE } from "../formats/media.ts";

/** Rounding, and an encoder that rounds twice. */
const SLACK_TICKS = 1.5 * TICKS_PER_MS;
/** After so many frames in step their rate is taken for granted. */
const STEADY_FRAMES = 4;
/** Frames remembered: more than any decoder holds back, or an overloaded one lags. */
const MAX_FRAMES = 1024;

export type SourceFrame = {
  /** When it is shown: without B-frames that is when it is decoded. */
  readonly dtsTicks: number;
  /** 0: only the next frame tells. */
  readonly durationTicks: number;
  readonly isKeyframe: boolean;
};

export class SourceClock {
  readonly #rate: FrameRate;
  readonly #frames = new Map<number, SourceFrame>();
  #anchorTicks = 0;
  /** Frames since the anchor. */
  #count = 0;
  #steady = 0;
  #lastTicks = -1;

  /** `rate`: what the source announces or was measured at. */
  constructor(rate: FrameRate) {
    this.#rate = rate;
  }

  /** The next frame of the source. */
  place(source: MediaFrame): SourceFrame {
    const ptsTicks = ptsTicksOf(source);
    const dtsTicks = this.#timeOf(ptsTicks);
    const isSteady = this.#steady >= STEADY_FRAMES;
    const nextTicks = this.#anchorTicks + timeOfFrame(this.#count, this.#rate, VIDEO_TIMESCALE);
    const durationTicks = isSteady ? nextTicks - dtsTicks : 0;
    const frame = { dtsTicks, durationTicks, isKeyframe: source.isKeyframe };
    this.#lastTicks = dtsTicks;
    this.#remember(Math.round(ptsTicks / TICKS_PER_MS), frame);
    return frame;
  }

  /** The frame that is shown at `ptsMs`, a whole number, by its source; undefined when it was never there, or long ago. */
  at(ptsMs: number): SourceFrame | undefined {
    return this.#frames.get(ptsMs);
  }

  #timeOf(saidTicks: number): number {
    const expectedTicks = this.#anchorTicks +
      timeOfFrame(this.#count, this.#rate, VIDEO_TIMESCALE);
    const isInStep = this.#lastTicks >= 0 &&
      Math.abs(saidTicks - expectedTicks) <= SLACK_TICKS;
    if (isInStep) {
      this.#count += 1;
      this.#steady += 1;
      return expectedTicks;
    }
    const isDrift = Math.abs(saidTicks - expectedTicks) <= 2 * SLACK_TICKS;
    this.#steady = isDrift ? this.#steady : 0;
    this.#anchorTicks = Math.max(saidTicks, this.#lastTicks + 1);
    this.#count = 1;
    return this.#anchorTicks;
  }

  #remember(ptsMs: number, frame: SourceFrame): void {
    this.#frames.set(ptsMs, frame);
    if (this.#frames.size <= MAX_FRAMES) return;
    const [oldest] = this.#frames.keys();
    if (oldest !== undefined) this.#frames.delete(oldest);
  }
}
