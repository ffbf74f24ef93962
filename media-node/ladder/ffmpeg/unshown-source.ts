/**
 * The source that viewers have not been shown yet, from a keyframe on: what an ffmpeg that starts anew
 * needs to leave out nothing. Bounded in bytes and in time; past a bound the oldest is let go. Pure.
 */
import type { FlvTag } from "../../formats/media.ts";
import { ptsMsOf } from "../source-tag.ts";

const MAX_BYTES = 8 * 1024 * 1024;
/** A new ffmpeg has to catch up with it. */
const MAX_SPAN_MS = 4000;

/** A group of pictures, or a single audio frame where there is no video. */
type Group = {
  readonly startMs: number;
  readonly tags: FlvTag[];
  bytes: number;
  lastPtsMs: number;
};

export class UnshownSource {
  #groups: Group[] = [];

  /** `isStart`: decoding can begin with this tag. What ends at or before `shownMs` is let go. */
  add(tag: FlvTag, isStart: boolean, shownMs: number): void {
    if (isStart) {
      this.#groups = this.#groups.slice(this.#firstAfter(shownMs));
      this.#groups.push({ startMs: tag.dtsMs, tags: [], bytes: 0, lastPtsMs: -Infinity });
    }
    const group = this.#groups.at(-1);
    if (group === undefined) return;
    group.tags.push(tag);
    group.bytes += tag.body.length;
    // Audio between the pictures says nothing about how far they go.
    if (tag.type === group.tags[0]?.type) {
      group.lastPtsMs = Math.max(group.lastPtsMs, ptsMsOf(tag));
    }
    while (this.#isOver(tag)) this.#groups.shift();
  }

  /** Lets go of all but what decoding the newest tag takes. */
  keepNewest(): void {
    this.#groups = this.#groups.slice(-1);
  }

  /** From the group with the first picture after `shownMs` on; the newest group in any case. */
  after(shownMs: number): FlvTag[] {
    const first = Math.min(this.#firstAfter(shownMs), Math.max(0, this.#groups.length - 1));
    return this.#groups.slice(first).flatMap(({ tags }) => tags);
  }

  #firstAfter(shownMs: number): number {
    const first = this.#groups.findIndex(({ lastPtsMs }) => lastPtsMs > shownMs);
    return first === -1 ? this.#groups.length : first;
  }

  /** A single group may last as long as it likes, but not be of any size: the next keyframe ends that. */
  #isOver(newest: FlvTag): boolean {
    const [oldest] = this.#groups;
    if (oldest === undefined) return false;
    const bytes = this.#groups.reduce((sum, group) => sum + group.bytes, 0);
    const isOld = this.#groups.length > 1 && newest.dtsMs - oldest.startMs > MAX_SPAN_MS;
    return bytes > MAX_BYTES || isOld;
  }
}
