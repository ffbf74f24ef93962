/**
 * When frames are decoded, for encoders that stamp B-frames with when they are shown and say nothing of
 * the difference. Pure.
 */

/** When a frame is decoded (32 bits of ms), and how much later it is shown. */
export type FrameStamps = { readonly timestampMs: number; readonly compositionMs: number };

/** Less is how clocks tremble, more is a clock that was set. */
const MIN_BACK_MS = 5;
const MAX_BACK_MS = 500;
/** With so many steps back they are meant, where the stream does not say that it has B-frames. */
const SURE_STEPS = 2;
const USUAL_REORDER_FRAMES = 2;

export class DecodeStamps {
  #hasOffsets = false;
  #isActive = false;
  #stepsBack = 0;
  #raw: number | null = null;
  /** The stamps without the wrap at 2^32. */
  #shownMs = 0;
  #decodedMs = -Infinity;
  /** When the last frames are shown, in order: as many as may be out of it. */
  #waiting: number[] = [];

  /**
   * The stamps that a frame should have. `reorderFrames`: how many frames may be shown before one that
   * was decoded earlier; null: the stream does not say.
   */
  place(stamps: FrameStamps, reorderFrames: number | null): FrameStamps {
    const stepMs = this.#raw === null ? 0 : (stamps.timestampMs - this.#raw) | 0;
    this.#raw = stamps.timestampMs;
    this.#shownMs += stepMs;
    // An encoder that knows of the difference tells it with every frame that has one.
    if (stamps.compositionMs !== 0) this.#hasOffsets = true;
    if (this.#hasOffsets || reorderFrames === 0) return stamps;
    if (Math.abs(stepMs) > MAX_BACK_MS) this.#forget();
    else if (stepMs <= -MIN_BACK_MS) this.#noteStepBack(reorderFrames);
    return this.#author(stamps, reorderFrames ?? USUAL_REORDER_FRAMES);
  }

  /** What comes now has nothing to do with what came before. */
  #forget(): void {
    this.#waiting = [];
    this.#decodedMs = -Infinity;
  }

  #noteStepBack(reorderFrames: number | null): void {
    this.#stepsBack += 1;
    this.#isActive ||= reorderFrames !== null || this.#stepsBack >= SURE_STEPS;
  }

  /** So many frames late, the earliest of those that are shown is decoded. */
  #author(stamps: FrameStamps, frames: number): FrameStamps {
    this.#waiting = [...this.#waiting, this.#shownMs].toSorted((one, other) => one - other);
    const earliest = this.#waiting.length > frames ? this.#waiting.shift() : undefined;
    if (!this.#isActive) {
      this.#decodedMs = Math.max(this.#decodedMs, this.#shownMs);
      return stamps;
    }
    this.#decodedMs = Math.max(earliest ?? -Infinity, this.#decodedMs + 1);
    if (!Number.isFinite(this.#decodedMs)) this.#decodedMs = this.#shownMs;
    const compositionMs = this.#shownMs - this.#decodedMs;
    return { timestampMs: (stamps.timestampMs - compositionMs) >>> 0, compositionMs };
  }
}
