/**
 * How far an encoder is behind its source. Pure.
 */
import { type MediaFrame, TICKS_PER_MS } from "../formats/media.ts";

/** A decoder may hold back so many frames until it knows their order: that is no lag. */
const HELD_FRAMES = 4;

export class LagMeter {
  #dueTicks: number | null = null;
  #dtsTicks = 0;
  #stepTicks = 0;
  #stepBeforeTicks = 0;

  /** A frame of the source's video that came `aheadMs` before its time. */
  note({ dtsTicks }: MediaFrame, aheadMs: number): void {
    if (this.#dueTicks !== null) {
      this.#stepBeforeTicks = this.#stepTicks;
      this.#stepTicks = dtsTicks - this.#dtsTicks;
    }
    this.#dtsTicks = dtsTicks;
    this.#dueTicks = dtsTicks - aheadMs * TICKS_PER_MS;
  }

  /** How much, in ms, of what viewers should have been shown by now they have not been, after `shownTicks`. */
  behind(shownTicks: number): number {
    if (this.#dueTicks === null || !Number.isFinite(shownTicks)) return 0;
    // The shorter one: a pause of the source is not how far its frames are apart.
    const heldTicks = HELD_FRAMES * Math.min(this.#stepTicks, this.#stepBeforeTicks);
    return Math.max(0, Math.round((this.#dueTicks - heldTicks - shownTicks) / TICKS_PER_MS));
  }
}
