/**
 * How fast media arrives, against the clock.
 */
import type { Finding } from "#shared/contracts/issues.ts";
import { TICKS_PER_MS } from "../../formats/media.ts";

/** Two windows, and both must lose time: a line that stands still once has caught up, or lost once. */
const WINDOW_MS = 10_000;
/** The best moment of so long says how late media is: hiccups of the network do not count. */
const BEST_OF_MS = 3000;
/** Clocks are off by less than 0.1 %; at 2 % viewers stand still for a second in each minute. */
const MIN_PACE = 0.98;

/** `aheadMs`: media time minus clock, 0 at the first frame. */
type Sample = { readonly atMs: number; aheadMs: number };

/** Feed it every frame as it arrives; times are clocks (performance.now). */
export class UploadPace {
  #samples: Sample[] = [];
  #firstAtMs: number | null = null;
  #zeroMs = 0;
  #sinceMs = 0;
  #headMs = -Infinity;

  push(dtsTicks: number, nowMs: number): void {
    this.#headMs = Math.max(this.#headMs, dtsTicks / TICKS_PER_MS);
    if (this.#firstAtMs === null) {
      this.#firstAtMs = nowMs;
      this.#sinceMs = nowMs;
      this.#zeroMs = this.#headMs - nowMs;
    }
    const aheadMs = this.#headMs - nowMs - this.#zeroMs;
    const last = this.#samples.at(-1);
    if (last !== undefined && Math.floor(last.atMs / 1000) === Math.floor(nowMs / 1000)) {
      last.aheadMs = Math.max(last.aheadMs, aheadMs);
      return;
    }
    const oldestMs = nowMs - 2 * WINDOW_MS - 2 * BEST_OF_MS;
    this.#samples = [...this.#samples.filter(({ atMs }) => atMs >= oldestMs), {
      atMs: nowMs,
      aheadMs,
    }];
  }

  /** It was not read for a while because we did not want to: what comes says nothing of the line. */
  noteHeldBack(nowMs: number): void {
    this.#sinceMs = nowMs;
  }

  /** Seconds of media in a second, over the last window; null at first, 1 while it was held back. */
  pace(nowMs: number): number | null {
    const firstMs = this.#firstAtMs;
    if (firstMs === null || nowMs - WINDOW_MS - BEST_OF_MS < firstMs) return null;
    if (!this.#isKnown(nowMs - WINDOW_MS)) return 1;
    return 1 + (this.#bestAt(nowMs) - this.#bestAt(nowMs - WINDOW_MS)) / WINDOW_MS;
  }

  finding(nowMs: number): Finding | null {
    if (!this.#isKnown(nowMs - 2 * WINDOW_MS)) return null;
    const bestMs = [2, 1, 0].map((windows) => this.#bestAt(nowMs - windows * WINDOW_MS));
    const [before = 0, between = 0, last = 0] = bestMs;
    const least = WINDOW_MS * (1 - MIN_PACE);
    // What is ahead of the clock has time to lose.
    if (last >= 0 || between - last <= least || before - between <= least) return null;
    const pace = 1 + (last - before) / (2 * WINDOW_MS);
    return { code: "UPLOAD_SLOW", measured: Math.round(pace * 100), wanted: 100 };
  }

  #isKnown(fromMs: number): boolean {
    return this.#firstAtMs !== null && fromMs - BEST_OF_MS >= this.#sinceMs;
  }

  #bestAt(nowMs: number): number {
    const fromMs = nowMs - BEST_OF_MS;
    const recent = this.#samples.filter(({ atMs }) => atMs > fromMs && atMs <= nowMs);
    if (recent.length > 0) return Math.max(...recent.map(({ aheadMs }) => aheadMs));
    const before = this.#samples.findLast(({ atMs }) => atMs <= fromMs);
    return before === undefined ? 0 : before.aheadMs - (fromMs - before.atMs);
  }
}
