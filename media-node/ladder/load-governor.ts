/**
 * How much of a ladder a machine can carry: less when the encoder lags, more again when it has kept
 * up for a while. Pure; clocks come as arguments.
 */

/** Steps from the whole ladder down; what each leaves out is for the engine to say. */
export type LoadLevel = number;

const MAX_LAG_MS = 1500;
/** So long, without getting better, before something is left out. */
const SUSTAINED_MS = 2000;
/** Getting better by less than this share of real time is not getting better. */
const MIN_GAIN = 0.1;
/** A new encoder works off what had to wait for it. */
const GRACE_MS = 3000;
const CALM_LAG_MS = 700;
const FIRST_CALM_MS = 30_000;
const MAX_CALM_MS = 600_000;

export class LoadGovernor {
  readonly #levels: number;
  #level: LoadLevel = 0;
  #changedAtMs: number;
  #lagging: { readonly sinceMs: number; readonly lagMs: number } | null = null;
  #calmSinceMs: number | null = null;
  /** Longer each time that more turned out to be too much. */
  #calmMs = FIRST_CALM_MS;
  #isTrial = false;

  /** `levels`: how many steps down there are. */
  constructor(levels: number, nowMs: number) {
    this.#levels = levels;
    this.#changedAtMs = nowMs;
  }

  get level(): LoadLevel {
    return this.#level;
  }

  /** The encoder is `lagMs` behind the source; returns true when the level changed. */
  note(lagMs: number, nowMs: number): boolean {
    if (nowMs - this.#changedAtMs < GRACE_MS) return false;
    if (this.#isSustained(lagMs, nowMs)) return this.#lower(nowMs);
    return this.#isCalm(lagMs, nowMs) && this.#raise(nowMs);
  }

  /** The encoder starts anew: what waits for it now says nothing. */
  restart(nowMs: number): void {
    this.#changedAtMs = nowMs;
    this.#lagging = null;
    this.#calmSinceMs = null;
  }

  #isSustained(lagMs: number, nowMs: number): boolean {
    if (lagMs <= MAX_LAG_MS) {
      this.#lagging = null;
      return false;
    }
    this.#lagging ??= { sinceMs: nowMs, lagMs };
    const elapsedMs = nowMs - this.#lagging.sinceMs;
    if (elapsedMs < SUSTAINED_MS) return false;
    const isGaining = this.#lagging.lagMs - lagMs > elapsedMs * MIN_GAIN;
    if (isGaining) this.#lagging = { sinceMs: nowMs, lagMs };
    return !isGaining;
  }

  #isCalm(lagMs: number, nowMs: number): boolean {
    if (lagMs > CALM_LAG_MS) this.#calmSinceMs = null;
    else this.#calmSinceMs ??= nowMs;
    return this.#calmSinceMs !== null && nowMs - this.#calmSinceMs >= this.#calmMs;
  }

  #lower(nowMs: number): boolean {
    if (this.#isTrial) this.#calmMs = Math.min(MAX_CALM_MS, this.#calmMs * 2);
    this.#isTrial = false;
    return this.#set(this.#level + 1, nowMs);
  }

  #raise(nowMs: number): boolean {
    // What was tried last has proven itself.
    if (this.#isTrial && this.#level === 0) this.#calmMs = FIRST_CALM_MS;
    this.#isTrial = this.#level > 0;
    return this.#set(this.#level - 1, nowMs);
  }

  #set(level: LoadLevel, nowMs: number): boolean {
    const next = Math.max(0, Math.min(this.#levels, level));
    this.restart(nowMs);
    if (next === this.#level) return false;
    this.#level = next;
    return true;
  }
}
