/**
 * The source since its last keyframe: what a decoder that starts anew needs to go on at once.
 */
import type { FlvTag } from "../formats/media.ts";

/** A larger group of pictures is not kept: a new decoder then waits for the next keyframe. */
const MAX_BYTES = 8 * 1024 * 1024;

export class GopCache<Tag extends Pick<FlvTag, "body"> = FlvTag> {
  #tags: Tag[] = [];
  #bytes = 0;
  #hasStart = false;

  /** `isStart`: decoding can begin with this tag. */
  add(tag: Tag, isStart: boolean): void {
    if (isStart) this.#reset(true);
    if (!this.#hasStart) return;
    if (this.#bytes + tag.body.length > MAX_BYTES) return this.#reset(false);
    this.#tags.push(tag);
    this.#bytes += tag.body.length;
  }

  /** From the last start on; empty when it was too large or none came. */
  get tags(): readonly Tag[] {
    return this.#tags;
  }

  #reset(hasStart: boolean): void {
    this.#tags = [];
    this.#bytes = 0;
    this.#hasStart = hasStart;
  }
}
