/**
 * A track's clock that stands still though frames come: what really passed is added to it. Pure.
 */

type Stamp = { readonly clockMs: number; readonly atMs: number };

/** A clock stands that so many frames in a row … */
const FRAMES = 8;
const MAX_FRAMES = 64;
/** … came over so long on the wall clock … */
const MIN_SPAN_MS = 250;
/** … and did not move by more: no camera has frames this close. */
const MAX_MOVED_MS = 32;
/** A step of more is a clock that is set. */
const MAX_STEP_MS = 100;

export class StandingClock {
  readonly #recent: Stamp[] = [];
  #addedMs = 0;
  /** Of the frame before, with what was added. */
  #lastMs = 0;

  /** Another encoder, with another clock. */
  restart(): void {
    this.#recent.length = 0;
    this.#addedMs = 0;
  }

  /** What `clockMs` should say, in whole ms, of a frame that came at `nowMs` (performance.now). */
  correct(clockMs: number, nowMs: number): number {
    const before = this.#recent.at(-1);
    if (before !== undefined && Math.abs(clockMs - before.clockMs) > MAX_STEP_MS) {
      this.#recent.length = 0;
    }
    this.#recent.push({ clockMs, atMs: nowMs });
    if (this.#recent.length > MAX_FRAMES) this.#recent.shift();
    if (before !== undefined && this.#stands) {
      const passedMs = Math.max(0, nowMs - before.atMs);
      this.#addedMs = this.#lastMs + passedMs - clockMs;
    }
    this.#lastMs = clockMs + this.#addedMs;
    return Math.round(this.#lastMs);
  }

  get #stands(): boolean {
    const last = this.#recent.at(-1);
    const earlier = this.#recent.at(-FRAMES);
    if (last === undefined || earlier === undefined) return false;
    // As a rule it went: nothing further back needs to be looked at.
    if (Math.abs(last.clockMs - earlier.clockMs) > MAX_MOVED_MS) return false;
    const first = this.#recent.findLast(({ atMs }, index) =>
      index <= this.#recent.length - FRAMES && last.atMs - atMs >= MIN_SPAN_MS
    );
    return first !== undefined && Math.abs(last.clockMs - first.clockMs) <= MAX_MOVED_MS;
  }
}
