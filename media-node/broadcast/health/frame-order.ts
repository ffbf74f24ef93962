/**
 * Whether frames are shown in another order than they come in.
 */
import type { Finding } from "#shared/contracts/issues.ts";
import { type MediaFrame, TICKS_PER_MS } from "../../formats/media.ts";

/** FLV rounds both times to a millisecond; a reordered frame is off by its duration, 8 ms or more. */
const MIN_CHANGE_TICKS = 3 * TICKS_PER_MS;
/** A single B-frame moves itself and its neighbours; a slip of the clock comes and goes: two. */
const MIN_CHANGES = 3;
const AMONG_FRAMES = 30;

/** Feed it every frame of video. What was found stays: encoders do not change it while they run. */
export class FrameOrder {
  #beforeTicks: number | null = null;
  #changes: readonly boolean[] = [];
  #isReordered = false;

  push({ compositionTicks }: MediaFrame): void {
    if (this.#isReordered) return;
    const changeTicks = Math.abs(compositionTicks - (this.#beforeTicks ?? compositionTicks));
    this.#beforeTicks = compositionTicks;
    this.#changes = [...this.#changes, changeTicks > MIN_CHANGE_TICKS].slice(-AMONG_FRAMES);
    this.#isReordered = this.#changes.filter(Boolean).length >= MIN_CHANGES;
  }

  get finding(): Finding | null {
    return this.#isReordered ? { code: "B_FRAMES" } : null;
  }
}
