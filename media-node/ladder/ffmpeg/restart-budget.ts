/**
 * How often, and after which wait, a process that died may be started again.
 */
import { withJitter } from "#shared/retry.ts";

const WINDOW_MS = 60_000;
/** Waits after runs that came to nothing. */
const DELAYS_MS = [200, 500, 1000, 2000, 5000] as const;
/** A process that did its work and was killed is worth more patience, but not any. */
const MAX_RESTARTS = 20;

/**
 * A run that delivered something is replaced at once. After runs that did not, each wait is longer;
 * five of them in a row in 60 s, or twenty restarts of any kind, are all there may be.
 */
export class RestartBudget {
  #restartsAtMs: number[] = [];
  #futileAtMs: number[] = [];

  /**
   * How long to wait before the restart asked for at `nowMs`; null when the budget is spent.
   * `hasDelivered`: the run that just ended was of use.
   */
  take(nowMs: number, hasDelivered: boolean): number | null {
    const isRecent = (atMs: number) => nowMs - atMs < WINDOW_MS;
    this.#restartsAtMs = this.#restartsAtMs.filter(isRecent);
    this.#futileAtMs = hasDelivered ? [] : this.#futileAtMs.filter(isRecent);
    const delayMs = DELAYS_MS[this.#futileAtMs.length];
    if (delayMs === undefined || this.#restartsAtMs.length >= MAX_RESTARTS) return null;
    this.#restartsAtMs.push(nowMs);
    if (!hasDelivered) this.#futileAtMs.push(nowMs);
    return withJitter(delayMs);
  }
}
