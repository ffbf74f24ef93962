/**
 * The broadcast's clean timeline: whatever a publisher's clock does, decode times grow steadily.
 */
import { StandingClock } from "./standing-clock.ts";

type Track = "audio" | "video";

/** A gap of more is a jump of the clock, unless as much time has really passed. */
const MAX_STEP_MS = 1000;
/** A step back of more is a clock that was set back; of less, tags stamped when the encoder came to it. */
const MAX_BACK_MS = 150;
/** How far a track's first frame may be behind the other track: as long as its start is waited for. */
const MAX_LATE_START_MS = 10_000;
/** How far the timeline moves over a jump or a reconnect: about a frame. */
const JUMP_STEP_MS = 33;
/** How much of a gap must have passed on the wall clock: networks hold back and let go. */
const REAL_SHARE = 0.7;

/**
 * Places a publisher's frames on one timeline that begins at 0.
 *
 * Both tracks share one offset, so that they stay in step. A gap of more than a second that did not
 * pass on the wall clock, and a clock that is set back, are closed to one frame: nothing is lost, and
 * nobody can make us encode time that never was. Across a reconnect the timeline goes on without a gap
 * too: what was not sent has no duration, so players go on where they waited and the recording has no
 * hole.
 */
export class Timeline {
  /** Timeline minus publisher's clock. */
  #offsetMs: number | null = null;
  /** The offset before the last jump: frames that were still under way belong to it. */
  #previousOffsetMs: number | null = null;
  readonly #clocks = { audio: new StandingClock(), video: new StandingClock() };
  #lastRaw = 0;
  #unwrappedMs = 0;
  readonly #lastMs: Record<Track, number>;
  /** Where the clock says that the last frame is: the first ones of a track may lie before 0. */
  readonly #saidMs: Record<Track, number | null> = { audio: null, video: null };
  #placedAtMs = 0;
  #jumps = 0;

  /** `headMs`: where a timeline that another process began ends; -1 for a new one. */
  constructor(headMs = -1) {
    this.#lastMs = { audio: headMs, video: headMs };
  }

  /** Decode time of the newest frame; -1 before the first. */
  get headMs(): number {
    return Math.max(this.#lastMs.audio, this.#lastMs.video);
  }

  /** How often the publisher's clock jumped. */
  get jumps(): number {
    return this.#jumps;
  }

  /** The next frames are another run of the encoder, with a clock of its own. */
  resume(): void {
    this.#offsetMs = null;
    this.#previousOffsetMs = null;
    for (const clock of [this.#clocks.audio, this.#clocks.video]) clock.restart();
  }

  /**
   * When a frame is decoded that the publisher stamped with `timestampMs` (32 bits) and that came at
   * `nowMs` (performance.now): of video strictly later than the one before; audio may be stamped out of
   * order by a little, since its frames are counted.
   */
  place(track: Track, timestampMs: number, nowMs: number): number {
    const clockMs = this.#clocks[track].correct(this.#unwrap(timestampMs), nowMs);
    const placedMs = this.#locate(track, clockMs, nowMs);
    const lastMs = this.#lastMs[track];
    this.#saidMs[track] = placedMs;
    const dtsMs = track === "video" ? Math.max(placedMs, lastMs + 1) : Math.max(placedMs, 0);
    this.#lastMs[track] = Math.max(dtsMs, lastMs);
    this.#placedAtMs = nowMs;
    return dtsMs;
  }

  /** `timestampMs` without the wrap at 2^32, by its distance from the frame before. */
  #unwrap(timestampMs: number): number {
    this.#unwrappedMs += (timestampMs - this.#lastRaw) | 0;
    this.#lastRaw = timestampMs;
    return this.#unwrappedMs;
  }

  #locate(track: Track, clockMs: number, nowMs: number): number {
    if (this.#offsetMs !== null) {
      const fitting = this.#fittingOffset(track, clockMs, nowMs - this.#placedAtMs);
      if (fitting !== null) return clockMs + fitting;
      this.#jumps += 1;
    }
    const dtsMs = this.headMs < 0 ? 0 : this.#placeOfJump(track);
    this.#previousOffsetMs = this.#offsetMs;
    this.#offsetMs = dtsMs - clockMs;
    return dtsMs;
  }

  /** The offset in force, or the one before it where that fits and this one does not. */
  #fittingOffset(track: Track, clockMs: number, elapsedMs: number): number | null {
    for (const offsetMs of [this.#offsetMs, this.#previousOffsetMs]) {
      if (offsetMs === null) continue;
      const dtsMs = clockMs + offsetMs;
      const aheadMs = dtsMs - this.headMs;
      const isAhead = aheadMs > MAX_STEP_MS && elapsedMs < aheadMs * REAL_SHARE;
      if (!isAhead && dtsMs >= this.#earliestOf(track)) return offsetMs;
    }
    return null;
  }

  #earliestOf(track: Track): number {
    const saidMs = this.#saidMs[track];
    if (saidMs === null) return Math.max(-MAX_STEP_MS, this.headMs - MAX_LATE_START_MS);
    return saidMs < 0 ? saidMs - MAX_BACK_MS : this.#lastMs[track] - MAX_BACK_MS;
  }

  /** Behind the track's last frame; a track that was away goes on where the other one is. */
  #placeOfJump(track: Track): number {
    return Math.max(this.#lastMs[track], this.headMs - MAX_BACK_MS) + JUMP_STEP_MS;
  }
}
