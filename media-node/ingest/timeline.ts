/**
 * The broadcast's clean timeline: whatever a publisher's clock does, decode times grow steadily.
 */
import type { FlvTag } from "../formats/media.ts";
import { isConfigTag } from "../formats/flv/flv-tags.ts";
import type { WireTag } from "./port.ts";

/** A tag on the timeline. */
export type TimelineTag = FlvTag & {
  /** The first audio or video tag after a return of the publisher: another run of its encoder. */
  readonly isDiscontinuity: boolean;
};

type Track = "audio" | "video";

/** A step further than this, forwards from the newest tag or back in a track, is a jump. */
const MAX_STEP_MS = 1000;
/** How far the timeline moves over a jump or a reconnect: about a frame. */
const JUMP_STEP_MS = 33;

/**
 * Places a publisher's tags on one timeline that begins at 0.
 *
 * Both tracks share one offset, so that they stay in step. A gap of more than a second and any jump
 * back are closed to one frame. Across a reconnect the timeline goes on without a gap too: what
 * was not sent has no duration, so players go on where they waited and the recording has no hole.
 * The body, and in it the composition offset, is left as it is.
 */
export class Timeline {
  /** Timeline minus publisher's clock. */
  #offsetMs: number | null = null;
  /** The offset before the last jump: tags that were still under way belong to it. */
  #previousOffsetMs: number | null = null;
  #lastRaw = 0;
  #unwrappedMs = 0;
  readonly #lastMs: Record<Track, number>;
  #isDiscontinuity = false;
  #jumps = 0;

  /** `headMs`: where a timeline that another process began ends; -1 for a new one. */
  constructor(headMs = -1) {
    this.#lastMs = { audio: headMs, video: headMs };
  }

  /** Decode time of the newest tag; -1 before the first. */
  get headMs(): number {
    return Math.max(this.#lastMs.audio, this.#lastMs.video);
  }

  /** How often the publisher's clock jumped. */
  get jumps(): number {
    return this.#jumps;
  }

  /** The next tags are another run of the encoder, with a clock of its own. */
  resume(): void {
    this.#offsetMs = null;
    this.#previousOffsetMs = null;
    this.#isDiscontinuity = this.headMs >= 0;
  }

  /** Puts `tag` on the timeline: strictly later than the track's last one, headers at its end. */
  place(tag: WireTag): TimelineTag {
    const { type, body } = tag;
    // Encoders stamp headers and scripts with 0 at any time: they do not steer.
    const endMs = Math.max(this.headMs, 0);
    if (type === "script") return { type, dtsMs: endMs, body, isDiscontinuity: false };
    const isDiscontinuity = this.#isDiscontinuity;
    this.#isDiscontinuity = false;
    const dtsMs = isConfigTag(tag) ? endMs : this.#advance(type, tag.timestampMs);
    return { type, dtsMs, body, isDiscontinuity };
  }

  #advance(track: Track, timestampMs: number): number {
    const clockMs = this.#unwrap(timestampMs);
    const dtsMs = Math.max(this.#locate(track, clockMs), this.#lastMs[track] + 1);
    this.#lastMs[track] = dtsMs;
    return dtsMs;
  }

  /** `timestampMs` without the wrap at 2^32, by its distance from the tag before. */
  #unwrap(timestampMs: number): number {
    this.#unwrappedMs += (timestampMs - this.#lastRaw) | 0;
    this.#lastRaw = timestampMs;
    return this.#unwrappedMs;
  }

  #locate(track: Track, clockMs: number): number {
    if (this.#offsetMs !== null) {
      if (this.#isStep(track, clockMs + this.#offsetMs)) return clockMs + this.#offsetMs;
      const previous = this.#previousOffsetMs;
      if (previous !== null && this.#isStep(track, clockMs + previous)) return clockMs + previous;
      this.#jumps += 1;
    }
    const dtsMs = this.headMs < 0 ? 0 : this.headMs + JUMP_STEP_MS;
    this.#previousOffsetMs = this.#offsetMs;
    this.#offsetMs = dtsMs - clockMs;
    return dtsMs;
  }

  #isStep(track: Track, dtsMs: number): boolean {
    return dtsMs <= this.headMs + MAX_STEP_MS && dtsMs >= this.#lastMs[track] - MAX_STEP_MS;
  }
}
