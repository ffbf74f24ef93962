/**
 * Keeps the rungs of one ffmpeg in step: what one of them delivers waits until all have come as far.
 * When that ffmpeg dies, every rung was shown to the same frame, and another can go on from there
 * without leaving out a frame of one or showing one of another twice. Pure.
 */
import type { Encoded } from "./encoded.ts";

export class FrameBarrier {
  readonly #waiting: readonly Encoded[][];
  readonly #reachedMs: number[];
  readonly #onEncoded: (rung: number, encoded: Encoded) => void;

  constructor(rungs: number, onEncoded: (rung: number, encoded: Encoded) => void) {
    this.#waiting = Array.from({ length: rungs }, () => []);
    this.#reachedMs = Array.from({ length: rungs }, () => -Infinity);
    this.#onEncoded = onEncoded;
  }

  /**
   * Takes what a rung delivers next; hands on, in the order of the rungs, what all of them have
   * reached. A configuration goes before the frames of every rung: where one changes, all can.
   */
  push(rung: number, encoded: Encoded): void {
    this.#waiting[rung]?.push(encoded);
    // A configuration says nothing about how far a rung has come.
    if (encoded.kind === "config") return;
    this.#reachedMs[rung] = encoded.engineMs;
    const untilMs = Math.min(...this.#reachedMs);
    if (untilMs === -Infinity) return;
    this.#handOn(({ kind }) => kind === "config");
    this.#handOn((next) => next.kind === "config" || next.engineMs <= untilMs);
  }

  /** Of every rung the first ones for which `isDue` holds. */
  #handOn(isDue: (encoded: Encoded) => boolean): void {
    for (const [index, waiting] of this.#waiting.entries()) {
      const firstLater = waiting.findIndex((encoded) => !isDue(encoded));
      const due = waiting.splice(0, firstLater === -1 ? waiting.length : firstLater);
      for (const encoded of due) this.#onEncoded(index, encoded);
    }
  }
}
