/**
 * The source since its last keyframe: what a decoder that starts anew needs to go on at once.
 */
import type { MediaFrame } from "../formats/media.ts";

/** A larger group of pictures is not kept: a new decoder then waits for the next keyframe. */
const MAX_BYTES = 8 * 1024 * 1024;

export class GopCache<Frame extends Pick<MediaFrame, "data"> = MediaFrame> {
  #frames: Frame[] = [];
  #bytes = 0;
  #hasStart = false;

  /** `isStart`: decoding can begin with this frame. */
  add(frame: Frame, isStart: boolean): void {
    if (isStart) this.#reset(true);
    if (!this.#hasStart) return;
    if (this.#bytes + frame.data.length > MAX_BYTES) return this.#reset(false);
    this.#frames.push(frame);
    this.#bytes += frame.data.length;
  }

  /** From the last start on; empty when it was too large or none came. */
  get frames(): readonly Frame[] {
    return this.#frames;
  }

  #reset(hasStart: boolean): void {
    this.#frames = [];
    this.#bytes = 0;
    this.#hasStart = hasStart;
  }
}
