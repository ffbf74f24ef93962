/**
 * How long a frame is shown whose duration only the next one tells.
 */

/** With three of them one that is out of step does not count. */
const REMEMBERED = 3;
/** What is expected before anything was seen. */
const DEFAULT_FPS = 30;

export class FrameRhythm {
  readonly #maxTicks: number;
  readonly #defaultTicks: number;
  #steps: number[] = [];
  #lastDts: number | null = null;

  /** A step of more than `maxTicks` is a hole and says nothing about frames. */
  constructor(timescale: number, maxTicks: number) {
    this.#defaultTicks = timescale / DEFAULT_FPS;
    this.#maxTicks = maxTicks;
  }

  note(dts: number): void {
    const stepTicks = dts - (this.#lastDts ?? Infinity);
    this.#lastDts = dts;
    if (stepTicks <= 0 || stepTicks > this.#maxTicks) return;
    this.#steps = [...this.#steps.slice(1 - REMEMBERED), stepTicks];
  }

  /** The median of the last steps. */
  get frameTicks(): number {
    const sorted = this.#steps.toSorted((one, other) => one - other);
    return sorted[Math.floor(sorted.length / 2)] ?? this.#defaultTicks;
  }
}
