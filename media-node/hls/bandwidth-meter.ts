/**
 * Measures what a rendition really costs, as the multivariant playlist must say it.
 */
import { FrameRateMeter } from "./frame-rate-meter.ts";
import { asListed } from "./playlist.ts";

type Measured = { readonly bits: number; readonly durationS: number };

/** Sums of decimal seconds are off by less; a run that is this close to a bound counts. */
const TOLERANCE_S = 1e-6;

/** Peak and average bitrate over the segments noted so far. */
export class BandwidthMeter {
  readonly #targetDurationS: number;
  #recent: Measured[] = [];
  #bits = 0;
  #durationS = 0;
  readonly #rates = new FrameRateMeter();
  #peakBps = 0;

  constructor(targetDurationS: number) {
    this.#targetDurationS = targetDurationS;
  }

  note(segment: { bytes: number; durationS: number; frames: number }): void {
    const measured = { bits: segment.bytes * 8, durationS: asListed(segment.durationS) };
    this.#bits += measured.bits;
    this.#durationS += measured.durationS;
    this.#rates.note(segment.frames, segment.durationS);
    this.#recent = [...this.#recent.slice(-7), measured];
    this.#raisePeak();
  }

  /** 0 before the first segment. */
  get peakBps(): number {
    return Math.max(this.#peakBps, this.averageBps);
  }

  /** 0 before the first segment. */
  get averageBps(): number {
    return this.#durationS === 0 ? 0 : this.#bits / this.#durationS;
  }

  /** Null without video or before the first segment. */
  get fps(): number | null {
    return this.#rates.fps;
  }

  /**
   * RFC 8216bis 4.4.6.2: the peak is that of any run of segments which lasts between 0.5 and 1.5
   * target durations.
   */
  #raisePeak(): void {
    let bits = 0;
    let durationS = 0;
    for (const segment of this.#recent.toReversed()) {
      bits += segment.bits;
      durationS += segment.durationS;
      if (durationS > 1.5 * this.#targetDurationS + TOLERANCE_S) return;
      if (durationS >= 0.5 * this.#targetDurationS - TOLERANCE_S) {
        this.#peakBps = Math.max(this.#peakBps, bits / durationS);
      }
    }
  }
}
