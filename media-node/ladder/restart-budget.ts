/**
 * How often, and after which wait, a process that died may be started again.
 */
import { withJitter } from "#shared/retry.ts";

const WINDOW_MS = 60_000;
const DELAYS_MS = [200, 500, 1000, 2000, 5000] as const;

/** Five restarts in any 60 s, each after a longer wait; the sixth is one too many. */
export class RestartBudget {
  #restartsAtMs: number[] = [];

  /** How long to wait before the restart asked for at `nowMs`; null when the budget is spent. */
  take(nowMs: number): number | null {
    this.#restartsAtMs = this.#restartsAtMs.filter((atMs) => nowMs - atMs < WINDOW_MS);
    const delayMs = DELAYS_MS[this.#restartsAtMs.length];
    if (delayMs === undefined) return null;
    this.#restartsAtMs.push(nowMs);
    return withJitter(delayMs);
  }
}
