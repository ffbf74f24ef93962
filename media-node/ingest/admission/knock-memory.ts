/**
 * What is remembered of publish attempts, so that strangers' knocking does not reach the API: bad
 * keys for some seconds, and how many of them each address tried. Holds no key, only keyed hashes.
 */
import { createHmac, randomBytes } from "node:crypto";
import { BoundedMap } from "./bounded-map.ts";
import type { IngestLimits } from "./limits.ts";
import { RateBudget } from "./rate-budget.ts";

const MAX_ENTRIES = 4096;
const MINUTE_MS = 60_000;

export type KnockVerdict =
  | { readonly verdict: "ask" }
  | { readonly verdict: "bad_key"; readonly reason: string }
  | { readonly verdict: "too_many" };

export class KnockMemory {
  readonly #limits: IngestLimits;
  readonly #hashKey = randomBytes(32);
  readonly #badKeys = new BoundedMap<{ readonly reason: string; readonly untilMs: number }>(
    MAX_ENTRIES,
  );
  readonly #goodKeys = new BoundedMap<true>(MAX_ENTRIES);
  readonly #budgets = new BoundedMap<RateBudget>(MAX_ENTRIES);

  constructor(limits: IngestLimits) {
    this.#limits = limits;
  }

  /**
   * What to do with `streamKey` from `addressGroup`. A key that was good before is always asked
   * about: a stranger behind the same address cannot lock its broadcaster out.
   */
  judge(streamKey: string, addressGroup: string, nowMs: number): KnockVerdict {
    const hash = this.#hash(streamKey);
    const bad = this.#badKeys.get(hash);
    if (bad !== undefined && bad.untilMs > nowMs) {
      return { verdict: "bad_key", reason: bad.reason };
    }
    if (this.#goodKeys.get(hash) !== undefined) return { verdict: "ask" };
    const budget = this.#budgets.get(addressGroup);
    return budget === undefined || budget.canSpend(1, nowMs)
      ? { verdict: "ask" }
      : { verdict: "too_many" };
  }

  rememberGood(streamKey: string): void {
    const hash = this.#hash(streamKey);
    this.#badKeys.delete(hash);
    this.#goodKeys.set(hash, true);
  }

  rememberBad(streamKey: string, addressGroup: string, reason: string, nowMs: number): void {
    const hash = this.#hash(streamKey);
    this.#goodKeys.delete(hash);
    this.#badKeys.set(hash, { reason, untilMs: nowMs + this.#limits.badKeyMemoryMs });
    const budget = this.#budgets.get(addressGroup) ??
      new RateBudget(this.#limits.maxUnknownKeysPerMinute / 60, MINUTE_MS, nowMs);
    budget.spend(1, nowMs);
    this.#budgets.set(addressGroup, budget);
  }

  #hash(streamKey: string): string {
    return createHmac("sha256", this.#hashKey).update(streamKey).digest("base64");
  }
}
