/**
 * What an engine has taken and its decoder has not: bounded in bytes and in time. Past a bound the
 * oldest groups of pictures are left out, so that an overloaded decoder skips and stays live.
 */
import type { FlvTag } from "../../formats/media.ts";

/** Above this the source is asked to pause. */
const HIGH_WATER_BYTES = 2 * 1024 * 1024;
const MAX_BYTES = 4 * 1024 * 1024;
/** Above this a source that is ahead of its time is asked to pause. */
const LATE_SPAN_MS = 2000;
const MAX_SPAN_MS = 6000;

type Item = { readonly tag: FlvTag; readonly isStart: boolean };

export class InputQueue {
  #items: Item[] = [];
  #bytes = 0;
  #isDropping = false;
  #dropped = 0;

  /** Tags that were left out so far. */
  get dropped(): number {
    return this.#dropped;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  get isFull(): boolean {
    return this.#bytes > HIGH_WATER_BYTES;
  }

  get isLate(): boolean {
    return this.#spanMs > LATE_SPAN_MS;
  }

  /** `isStart`: decoding can begin with this tag. */
  add(tag: FlvTag, isStart: boolean): void {
    if (isStart) this.#isDropping = false;
    if (this.#isDropping) {
      this.#dropped += 1;
      return;
    }
    this.#items.push({ tag, isStart });
    this.#bytes += tag.body.length;
    if (this.#bytes > MAX_BYTES || this.#spanMs > MAX_SPAN_MS) this.#skip();
  }

  /** The oldest tag; undefined when there is none. */
  take(): FlvTag | undefined {
    const item = this.#items.shift();
    if (item !== undefined) this.#bytes -= item.tag.body.length;
    return item?.tag;
  }

  clear(): void {
    this.#items = [];
    this.#bytes = 0;
    this.#isDropping = false;
  }

  get #spanMs(): number {
    return (this.#items.at(-1)?.tag.dtsMs ?? 0) - (this.#items[0]?.tag.dtsMs ?? 0);
  }

  /** Goes on with the newest place to start; with the next one when it holds none. */
  #skip(): void {
    const start = this.#items.findLastIndex(({ isStart }) => isStart);
    const kept = start > 0 ? this.#items.slice(start) : [];
    this.#dropped += this.#items.length - kept.length;
    this.#items = kept;
    this.#bytes = kept.reduce((sum, { tag }) => sum + tag.body.length, 0);
    this.#isDropping = kept.length === 0;
  }
}
