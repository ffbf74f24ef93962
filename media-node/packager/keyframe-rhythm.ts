/**
 * How far apart a track's keyframes are: what tells whether a segment can wait for the next one.
 */

/** Long enough to see through a few keyframes that an encoder puts at scene cuts. */
const REMEMBERED = 8;
/** Fewer say nothing yet: what is expected holds. */
const MIN_SEEN = 3;

export class KeyframeRhythm {
  readonly #expectedTicks: number;
  #intervals: number[] = [];
  #lastDts: number | null = null;

  /** `expectedTicks`: how far apart they are before anything was seen. */
  constructor(expectedTicks: number) {
    this.#expectedTicks = expectedTicks;
  }

  note(dts: number): void {
    if (this.#lastDts !== null) {
      this.#intervals = [...this.#intervals.slice(1 - REMEMBERED), dts - this.#lastDts];
    }
    this.#lastDts = dts;
  }

  /** Keyframes may be missing: how far it is to the next one says nothing. */
  pause(): void {
    this.#lastDts = null;
  }

  /** The longest of the last intervals: the next keyframe is hardly further away. */
  get longestTicks(): number {
    if (this.#intervals.length < MIN_SEEN) return this.#expectedTicks;
    return Math.max(...this.#intervals);
  }
}
