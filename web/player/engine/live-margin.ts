/**
 * How much further from the live edge, or closer to it, than recommended a picture can be held. What
 * tells is the low water of the buffer: what was left at worst before more came. A network that delivers
 * on time earns a shorter distance; one that comes late, or a stall, lengthens it.
 */

export type LiveMarginOptions = {
  /** What is to be left in the buffer at worst, in seconds. */
  readonly reserveS: number;
  /** How much further behind a stall moves the picture, in seconds. */
  readonly stallS: number;
};

/** One low water is the lowest of so many notes: a second's, and some parts'. */
const WINDOW_NOTES = 10;
/** Low waters remembered: what was bad lately may come again. */
const REMEMBERED = 32;
/** After so many a shorter distance is tried: a keyframe was among what came. */
const MIN_WINDOWS = 2;
/** How much of the water above the reserve is given up at once. */
const GIVEN_UP = 0.6;
/** Differences below this are noise, in seconds. */
const NOISE_S = 0.02;
const MAX_MARGIN_S = 2;
/** For so long after a stall nothing is given up. */
const CALM_MS = 20_000;

export class LiveMargin {
  readonly #options: LiveMarginOptions;
  #marginS: number;
  #lowsS: number[] = [];
  #lowS = Infinity;
  #notes = 0;
  #calmFromMs = 0;

  /** Begins where a good network would lead to, `marginS` from what is recommended. */
  constructor(options: LiveMarginOptions, marginS = 0) {
    this.#options = options;
    this.#marginS = marginS;
  }

  /** Seconds to add to the recommended distance; below 0 is closer. */
  get seconds(): number {
    return this.#marginS;
  }

  /** What is in the buffer of a picture that is held at its distance: some ten times a second. */
  note(bufferS: number, nowMs: number): void {
    this.#lowS = Math.min(this.#lowS, bufferS);
    this.#notes += 1;
    if (this.#notes < WINDOW_NOTES) return;
    this.#lowsS = [...this.#lowsS.slice(1 - REMEMBERED), this.#lowS];
    this.#lowS = Infinity;
    this.#notes = 0;
    this.#adjust(nowMs);
  }

  /**
   * The picture stood still for want of data. While it settles that tells what joining costs a busy
   * machine, and not yet what the network does.
   */
  noteStall(nowMs: number, isSettling = false): void {
    if (!isSettling) this.#calmFromMs = nowMs + CALM_MS;
    const fromS = isSettling ? this.#marginS : Math.max(0, this.#marginS);
    this.#moveTo(fromS + this.#options.stallS);
    this.#lowS = Infinity;
    this.#notes = 0;
  }

  #adjust(nowMs: number): void {
    const surplusS = Math.min(...this.#lowsS) - this.#options.reserveS;
    if (surplusS < -NOISE_S) return this.#moveTo(this.#marginS - surplusS);
    const mayShorten = nowMs >= this.#calmFromMs && this.#lowsS.length >= MIN_WINDOWS;
    if (surplusS > NOISE_S && mayShorten) this.#moveTo(this.#marginS - surplusS * GIVEN_UP);
  }

  /** What is remembered becomes what it would have been at the new distance. */
  #moveTo(marginS: number): void {
    const nextS = Math.min(MAX_MARGIN_S, marginS);
    this.#lowsS = this.#lowsS.map((lowS) => lowS + nextS - this.#marginS);
    this.#marginS = nextS;
  }
}
