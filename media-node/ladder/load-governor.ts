/**
 * How much of a ladder a machine can carry: less when the encoder lags, more again when it has kept
 * up for a while. Pure; clocks come as arguments.
 */

/** Steps from the whole ladder down; what each leaves out is for the engine to say. */
export type LoadLevel = number;

/** `exhausted`: less is needed, and there is no further step. */
export type LoadVerdict = "stays" | "changed" | "exhausted";

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

/** A step is carried when it costs less than what the machine gets done, by this much. */
const HEADROOM = 0.9;

export class LoadGovernor {
  readonly #costs: readonly number[];
  #level: LoadLevel = 0;
  #changedAtMs: number;
  #lagging: { readonly sinceMs: number; readonly lagMs: number } | null = null;
  #calmSinceMs: number | null = null;
  /** Longer each time that more turned out to be too much. */
  #calmMs = FIRST_CALM_MS;
  #isTrial = false;

  /** `costs`: what each level takes of a machine, in any unit; level 0 is the whole ladder. */
  constructor(costs: readonly number[], nowMs: number) {
    this.#costs = costs;
    this.#changedAtMs = nowMs;
  }

  get level(): LoadLevel {
    return this.#level;
  }

  /**
   * The encoder is `lagMs` behind the source: what that does to the level. `mayRaise`: a good moment
   * to start anew; what is too much does not wait for one.
   */
  note(lagMs: number, nowMs: number, mayRaise = true): LoadVerdict {
    if (nowMs - this.#changedAtMs < GRACE_MS) return "stays";
    const speed = this.#speedOfSustainedLag(lagMs, nowMs);
    if (speed !== null) return this.#lower(speed, nowMs) ? "changed" : "exhausted";
    const isTimeToRaise = this.#isCalm(lagMs, nowMs) && mayRaise;
    return isTimeToRaise && this.#raise(nowMs) ? "changed" : "stays";
  }

  /** The encoder starts anew: what waits for it now says nothing. */
  restart(nowMs: number): void {
    this.#changedAtMs = nowMs;
    this.#lagging = null;
    this.#calmSinceMs = null;
  }

  /** Source seconds that are encoded per second while the lag stays; null when it does not. */
  #speedOfSustainedLag(lagMs: number, nowMs: number): number | null {
    if (lagMs <= MAX_LAG_MS) {
      this.#lagging = null;
      return null;
    }
    this.#lagging ??= { sinceMs: nowMs, lagMs };
    const elapsedMs = nowMs - this.#lagging.sinceMs;
    if (elapsedMs < SUSTAINED_MS) return null;
    const speed = 1 - (lagMs - this.#lagging.lagMs) / elapsedMs;
    if (speed <= 1 + MIN_GAIN) return speed;
    this.#lagging = { sinceMs: nowMs, lagMs };
    return null;
  }

  #isCalm(lagMs: number, nowMs: number): boolean {
    if (lagMs > CALM_LAG_MS) this.#calmSinceMs = null;
    else this.#calmSinceMs ??= nowMs;
    return this.#calmSinceMs !== null && nowMs - this.#calmSinceMs >= this.#calmMs;
  }

  /** Down to the first level that the machine can carry at what it gets done now. */
  #lower(speed: number, nowMs: number): boolean {
    if (this.#isTrial) this.#calmMs = Math.min(MAX_CALM_MS, this.#calmMs * 2);
    this.#isTrial = false;
    const affordable = (this.#costs[this.#level] ?? 0) * Math.min(1, speed) * HEADROOM;
    const level = this.#costs.findIndex((cost, index) => index > this.#level && cost <= affordable);
    return this.#set(level === -1 ? this.#costs.length - 1 : level, nowMs);
  }

  #raise(nowMs: number): boolean {
    // What was tried last has proven itself.
    if (this.#isTrial && this.#level === 0) this.#calmMs = FIRST_CALM_MS;
    this.#isTrial = this.#level > 0;
    return this.#set(this.#level - 1, nowMs);
  }

  #set(level: LoadLevel, nowMs: number): boolean {
    const next = Math.max(0, Math.min(this.#costs.length - 1, level));
    this.restart(nowMs);
    if (next === this.#level) return false;
    this.#level = next;
    return true;
  }
}
