/**
 * How long a part waits for its audio. Encoders send the two tracks more or less side by side, some of
 * them in bursts; one that sends no audio any more must not hold up the picture.
 */
import { ticksOf } from "./segmenter.ts";

/** How far video may be ahead of audio that comes as it should. */
const USUAL_TICKS = ticksOf(250);
/** Before the first audio it is not known how it comes. */
const FIRST_TICKS = ticksOf(1500);
/** An encoder that lets audio lag by so much is not waited for. */
const MAX_TICKS = ticksOf(1500);
/** Beyond the lag that was seen. */
const MARGIN = 1.5;
/** Per frame of audio: what a lag was counts less and less. */
const DECAY = 0.995;

export class AudioPatience {
  /** Audio is expected at all. */
  #isExpected: boolean;
  #end90k: number | null = null;
  #lagTicks = 0;
  /** It stayed away for longer than it may: nothing waits until it is back. */
  #isAway = false;

  constructor(isExpected: boolean) {
    this.#isExpected = isExpected;
  }

  /** Audio came that ends at `end90k` while the video is at `video90k` (-Infinity: has not begun). */
  note(end90k: number, video90k: number): void {
    this.#isExpected = true;
    this.#end90k = Math.max(end90k, this.#end90k ?? end90k);
    const lagTicks = Number.isFinite(video90k) ? video90k - end90k : 0;
    this.#isAway = false;
    this.#lagTicks = Math.min(MAX_TICKS, Math.max(lagTicks, this.#lagTicks * DECAY));
  }

  /**
   * Whether a part that ends at `end90k` need not wait (any more): its audio is there, or the video at
   * `head90k` is too far ahead of it; null: only audio came.
   */
  isOver(end90k: number, head90k: number | null): boolean {
    if (!this.#isExpected || (this.#end90k !== null && this.#end90k >= end90k)) return true;
    if (head90k === null) return false;
    if (this.#isAway) return true;
    const limitTicks = this.#end90k === null ? FIRST_TICKS : this.#limitTicks;
    const isOver = head90k - end90k > limitTicks;
    // The end of everything is no absence.
    if (isOver && Number.isFinite(head90k)) this.#isAway = true;
    return isOver;
  }

  get #limitTicks(): number {
    return Math.min(MAX_TICKS, Math.max(USUAL_TICKS, this.#lagTicks * MARGIN));
  }
}
