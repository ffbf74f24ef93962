/**
 * How long a frame is shown whose duration only the next one tells.
 */

/** A silence of more seconds, and of more frames where they are rare, is a hole and no long frame. */
const HOLE = { seconds: 1, frames: 3 };
/** What is expected before anything was seen. */
const DEFAULT_FPS = 30;

export class FrameRhythm {
  readonly #maxTicks: number;
  readonly #timescale: number;
  #lastDts: number | null = null;
  /** The last two steps, newest first; null: none yet. */
  #newest: number | null = null;
  #older: number | null = null;
  /** The median of the last three steps, as far as there are so many: one out of step does not count. */
  frameTicks: number;

  /** A step of more than `maxTicks` is a hole and says nothing about frames. */
  constructor(timescale: number, maxTicks: number) {
    this.frameTicks = timescale / DEFAULT_FPS;
    this.#maxTicks = maxTicks;
    this.#timescale = timescale;
  }

  /** A frame that comes later than this behind the end of the one before leaves a hole. */
  get holeTicks(): number {
    return Math.max(HOLE.seconds * this.#timescale, HOLE.frames * this.frameTicks);
  }

  note(dts: number): void {
    const stepTicks = dts - (this.#lastDts ?? Infinity);
    this.#lastDts = dts;
    if (stepTicks <= 0 || stepTicks > this.#maxTicks) return;
    this.frameTicks = this.#medianWith(stepTicks);
    this.#older = this.#newest;
    this.#newest = stepTicks;
  }

  /** Of two the longer one. */
  #medianWith(step: number): number {
    const [one, two] = [this.#newest ?? step, this.#older];
    const [least, most] = one < step ? [one, step] : [step, one];
    return two === null ? most : Math.max(least, Math.min(most, two));
  }
}
