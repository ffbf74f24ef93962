/**
 * How far a publisher is ahead of its time: one that sends a file as fast as it can has media of
 * minutes ahead, and can wait for what must be done with it. Pure; clocks come as arguments.
 */

/** A clock that runs fast by less is no haste. */
const DRIFT = 0.02;

export class SourcePace {
  #aheadMs = 0;
  #last: { readonly dtsMs: number; readonly nowMs: number } | null = null;

  /** Ms of media that came before their time; 0 for a publisher that sends as it records. */
  get aheadMs(): number {
    return Math.max(0, this.#aheadMs);
  }

  /** A tag of the broadcast's timeline comes. What a stalled network lets go at once is not early. */
  note(dtsMs: number, nowMs: number): void {
    if (this.#last !== null) {
      const elapsedMs = nowMs - this.#last.nowMs;
      this.#aheadMs += dtsMs - this.#last.dtsMs - elapsedMs;
      if (this.#aheadMs > 0) this.#aheadMs = Math.max(0, this.#aheadMs - elapsedMs * DRIFT);
    }
    this.#last = { dtsMs, nowMs };
  }
}
