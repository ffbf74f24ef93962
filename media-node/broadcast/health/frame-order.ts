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
const ALL_FRAMES = 2 ** AMONG_FRAMES - 1;

/** Feed it every frame of video. What was found stays: encoders do not change it while they run. */
export class FrameOrder {
  #beforeTicks: number | null = null;
  /** A bit for each of the last frames. */
  #changes = 0;
  #isReordered = false;

  push({ compositionTicks }: MediaFrame): void {
    if (this.#isReordered) return;
    const changeTicks = Math.abs(compositionTicks - (this.#beforeTicks ?? compositionTicks));
    this.#beforeTicks = compositionTicks;
    const isChange = changeTicks > MIN_CHANGE_TICKS;
    this.#changes = ((this.#changes << 1) | (isChange ? 1 : 0)) & ALL_FRAMES;
    if (isChange) this.#isReordered = countBits(this.#changes) >= MIN_CHANGES;
  }

  get finding(): Finding | null {
    return this.#isReordered ? { code: "B_FRAMES" } : null;
  }
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
