/**
 * How fast an encoder is now. What it did since its start says nothing of that: it began with nothing
 * to do, and may have waited for its source. Pure.
 */
import { TICKS_PER_MS } from "../formats/media.ts";

/** Long enough for encoders that deliver in bursts. */
const WINDOW_MS = 6000;
const MIN_SPAN_MS = 4000;

type Sample = { readonly atMs: number; readonly shownTicks: number };

export class EncodeSpeed {
  #samples: Sample[] = [];

  /** Viewers have been shown all up to `shownTicks` (-Infinity: nothing); clocks are performance.now. */
  note(shownTicks: number, nowMs: number): void {
    if (!Number.isFinite(shownTicks)) return;
    const recent = this.#samples.filter(({ atMs }) => atMs >= nowMs - WINDOW_MS);
    this.#samples = [...recent, { atMs: nowMs, shownTicks }];
  }

  /** Another encoder begins. */
  restart(): void {
    this.#samples = [];
  }

  /** Encoded seconds per second over the last seconds; null before there are enough. */
  get perSecond(): number | null {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined) return null;
    const spanMs = last.atMs - first.atMs;
    if (spanMs < MIN_SPAN_MS) return null;
    return (last.shownTicks - first.shownTicks) / TICKS_PER_MS / spanMs;
  }
}
