/**
 * How often a source turns into another one: each time is a break for viewers, and encoders start anew.
 */
import type { Finding } from "#shared/contracts/issues.ts";

const WINDOW_MS = 10_000;
/** From here on it is told as an issue. */
const MANY = 5;
/** More than encoders can follow: nothing would be left to watch. */
const MOST = 60;

/** The changes of one broadcast; times are clocks (performance.now). */
export class SourceChanges {
  #atMs: number[] = [];

  /** Another one. Why the source cannot be carried any longer, in a sentence; null: it can. */
  note(nowMs: number): string | null {
    this.#atMs = [...this.#recent(nowMs), nowMs];
    const times = this.#atMs.length;
    return times <= MOST
      ? null
      : `The picture or the sound changed its format ${times} times in ${WINDOW_MS / 1000} s; ` +
        `at most ${MOST} can be carried. Set one fixed size and codec in the encoder.`;
  }

  finding(nowMs: number): Finding | null {
    const measured = this.#recent(nowMs).length;
    return measured < MANY ? null : { code: "SOURCE_UNSTEADY", measured, wanted: 0 };
  }

  #recent(nowMs: number): number[] {
    return this.#atMs.filter((atMs) => nowMs - atMs < WINDOW_MS);
  }
}
