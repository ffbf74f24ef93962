/**
 * How many frames a second a rendition has: the most that a good share of it has, so that a hole, or a
 * clock that was set back, does not make it slower.
 * @see draft-pantos-hls-rfc8216bis-20 4.4.6.2, FRAME-RATE
 */
import { snapFps } from "../formats/frame-rate.ts";

/** A source of more rates than these has none. */
const MAX_RATES = 64;
/** What must have the same rate for it to be that of the rendition. */
const MIN_SHARE = 0.25;

export class FrameRateMeter {
  /** Seconds by rate. */
  readonly #seconds = new Map<number, number>();
  #frames = 0;
  #durationS = 0;

  note(frames: number, durationS: number): void {
    if (frames === 0 || durationS <= 0) return;
    this.#frames += frames;
    this.#durationS += durationS;
    const rate = snapFps(frames / durationS);
    const seconds = this.#seconds.get(rate);
    if (seconds === undefined && this.#seconds.size >= MAX_RATES) return;
    this.#seconds.set(rate, (seconds ?? 0) + durationS);
  }

  /** Null without video or before the first segment. */
  get fps(): number | null {
    if (this.#frames === 0) return null;
    const mean = this.#frames / this.#durationS;
    const usual = [...this.#seconds]
      .filter(([, seconds]) => seconds >= this.#durationS * MIN_SHARE)
      .map(([rate]) => rate);
    const fps = usual.length > 0 ? Math.max(...usual) : snapFps(mean);
    return Math.round(1000 * fps) / 1000;
  }
}
