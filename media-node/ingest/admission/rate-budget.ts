/**
 * A token bucket: an average over a span, with bursts up to the whole span at once.
 */
export class RateBudget {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #atMs: number;

  /** `perSecond` on average over `spanMs`; starts full at `nowMs`. */
  constructor(perSecond: number, spanMs: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = this.#perMs * spanMs;
    this.#tokens = this.#capacity;
    this.#atMs = nowMs;
  }

  /** Spends `amount`; false when more was spent by now than the budget allows. */
  spend(amount: number, nowMs: number): boolean {
    const refilled = this.#tokens + (nowMs - this.#atMs) * this.#perMs;
    this.#tokens = Math.min(refilled, this.#capacity) - amount;
    this.#atMs = nowMs;
    return this.#tokens >= 0;
  }

  /** Whether `amount` could be spent now; spends nothing. */
  canSpend(amount: number, nowMs: number): boolean {
    return this.#tokens + (nowMs - this.#atMs) * this.#perMs >= amount;
  }
}
