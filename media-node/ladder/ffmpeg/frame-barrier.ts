/**
 * Keeps the rungs of one ffmpeg in step: what one of them delivers waits until all have come as far.
 * When that ffmpeg dies, every rung was shown to the same frame, and another can go on from there
 * without leaving out a frame of one or showing one of another twice. Pure.
 */
import type { FlvTag } from "../../formats/media.ts";
import { isSequenceHeader } from "../source-tag.ts";

export class FrameBarrier {
  readonly #waiting: readonly FlvTag[][];
  readonly #reachedMs: number[];
  readonly #onTag: (rung: number, tag: FlvTag) => void;

  constructor(rungs: number, onTag: (rung: number, tag: FlvTag) => void) {
    this.#waiting = Array.from({ length: rungs }, () => []);
    this.#reachedMs = Array.from({ length: rungs }, () => -Infinity);
    this.#onTag = onTag;
  }

  /**
   * Takes the next tag of a rung; hands on, in the order of the rungs, what all of them have reached.
   * What describes frames goes before the frames of every rung: where one changes, all can.
   */
  push(rung: number, tag: FlvTag): void {
    this.#waiting[rung]?.push(tag);
    // A sequence header says nothing about how far a rung has come.
    if (isSequenceHeader(tag)) return;
    this.#reachedMs[rung] = tag.dtsMs;
    const untilMs = Math.min(...this.#reachedMs);
    if (untilMs === -Infinity) return;
    this.#handOn(isSequenceHeader);
    this.#handOn(({ dtsMs }) => dtsMs <= untilMs);
  }

  /** Of every rung the first tags for which `isDue` holds. */
  #handOn(isDue: (tag: FlvTag) => boolean): void {
    for (const [index, tags] of this.#waiting.entries()) {
      const firstLater = tags.findIndex((tag) => !isDue(tag));
      const due = tags.splice(0, firstLater === -1 ? tags.length : firstLater);
      for (const tag of due) this.#onTag(index, tag);
    }
  }
}
