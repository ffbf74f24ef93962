/**
 * The source that viewers have not been shown yet, from a keyframe on, and how much of it the ffmpeg
 * of now has been given. Another ffmpeg is given it again, so it leaves out nothing. Pure.
 */
import { type MediaFrame, ptsTicksOf, TICKS_PER_MS } from "../../formats/media.ts";

/**
 * Memory is the only bound: how far apart an encoder's keyframes are is its own affair (OBS: 8.3 s,
 * others 20 s). This is 8.3 s of 8 Mbit/s, or 20 s of 3.3; what a stalled ffmpeg
 * costs stays below 16 MB with it, as much as the runtime keeps beside it.
 */
const MAX_BYTES = 8 * 1024 * 1024;
/** When so much waits, the source is asked to pause: before anything must be left out. */
const FULL_BYTES = 6 * 1024 * 1024;
/** When so much waits, a source that is ahead of its time is asked to pause. */
const LATE_TICKS = 2000 * TICKS_PER_MS;

/** A group of pictures with the audio between them, or a single audio frame where there is no video. */
type Group = {
  /** In the order they came; decoding can begin with the first one. */
  readonly frames: MediaFrame[];
  /** Given to the ffmpeg of now. */
  taken: number;
  lastPtsTicks: number;
  /** Some of what was given was let go: another ffmpeg can only decode the keyframe. */
  hasGap: boolean;
  /** What was not given was left out: no ffmpeg can decode what comes still of this group. */
  isThinned: boolean;
};

export class SourceBacklog {
  #groups: Group[] = [];
  #bytes = 0;
  #waitingBytes = 0;
  #dropped = 0;

  /** Frames that were left out before any ffmpeg was given them. */
  get dropped(): number {
    return this.#dropped;
  }

  get hasWaiting(): boolean {
    return this.#next !== undefined;
  }

  get isFull(): boolean {
    return this.#waitingBytes > FULL_BYTES;
  }

  get isLate(): boolean {
    const next = this.#next;
    const newest = this.#groups.at(-1)?.frames.at(-1);
    if (next === undefined || newest === undefined) return false;
    return newest.dtsTicks - (next.frames[next.taken]?.dtsTicks ?? Infinity) > LATE_TICKS;
  }

  /** When the oldest picture that is kept is shown; null: none is. */
  get startTicks(): number | null {
    const first = this.#groups[0]?.frames[0];
    return first === undefined ? null : ptsTicksOf(first);
  }

  /** How long the newest group is by now: what another ffmpeg must decode before it shows anything. */
  get newestGroupTicks(): number {
    const frames = this.#groups.at(-1)?.frames ?? [];
    return (frames.at(-1)?.dtsTicks ?? 0) - (frames[0]?.dtsTicks ?? 0);
  }

  /** `isStart`: decoding can begin with this frame. What ends at or before `shownTicks` is let go. */
  add(frame: MediaFrame, isStart: boolean, shownTicks: number): void {
    if (isStart) this.#begin(shownTicks);
    const group = this.#groups.at(-1);
    if (group === undefined) return;
    if (group.isThinned && frame.track === "video") {
      this.#dropped += 1;
      return;
    }
    group.frames.push(frame);
    this.#count(frame, 1);
    // Audio between the pictures says nothing about how far they go.
    if (frame.track === group.frames[0]?.track) {
      group.lastPtsTicks = Math.max(group.lastPtsTicks, ptsTicksOf(frame));
    }
    this.#makeRoom();
  }

  /** The oldest frame that the ffmpeg of now has not been given; undefined when there is none. */
  take(): MediaFrame | undefined {
    const group = this.#next;
    const frame = group?.frames[group.taken];
    if (group === undefined || frame === undefined) return undefined;
    group.taken += 1;
    this.#waitingBytes -= frame.data.length;
    return frame;
  }

  /**
   * For another ffmpeg: everything from the group with the first picture after `shownTicks` on waits
   * again; the newest group in any case.
   */
  rewind(shownTicks: number): void {
    this.#forget(Math.min(this.#firstAfter(shownTicks), Math.max(0, this.#groups.length - 1)));
    for (const group of this.#groups) group.taken = 0;
    this.#waitingBytes = this.#bytes;
    for (const group of this.#groups.filter(({ hasGap }) => hasGap)) this.#thin(group);
  }

  /** Leaves out what waits, but for keyframes, so that decoding is soon where the source is. */
  skip(): void {
    const newest = this.#groups.at(-1);
    for (const group of this.#groups) {
      if (group !== newest || waitingTicksOf(group) > LATE_TICKS) this.#thin(group);
    }
  }

  get #next(): Group | undefined {
    return this.#groups.find(({ taken, frames }) => taken < frames.length);
  }

  #begin(shownTicks: number): void {
    this.#forget(this.#firstAfter(shownTicks));
    this.#groups.push({
      frames: [],
      taken: 0,
      lastPtsTicks: -Infinity,
      hasGap: false,
      isThinned: false,
    });
  }

  #firstAfter(shownTicks: number): number {
    const first = this.#groups.findIndex(({ lastPtsTicks }) => lastPtsTicks > shownTicks);
    return first === -1 ? this.#groups.length : first;
  }

  #forget(groups: number): void {
    for (const { frames, taken } of this.#groups.splice(0, groups)) {
      for (const [index, frame] of frames.entries()) this.#uncount(frame, index < taken);
    }
  }

  /**
   * Past the bound goes first what ffmpeg was given, oldest group first, but for keyframes; then what
   * it was not. Viewers see fewer pictures, and segments still begin where those of a copy do. Where
   * not even that is enough the oldest group is let go.
   */
  #makeRoom(): void {
    if (this.#bytes <= MAX_BYTES) return;
    for (const group of this.#groups) {
      if (this.#bytes > MAX_BYTES) this.#letGoOfTaken(group);
    }
    for (const group of this.#groups) {
      if (this.#bytes > MAX_BYTES) this.#thin(group);
    }
    while (this.#bytes > MAX_BYTES && this.#groups.length > 0) this.#forget(1);
  }

  #letGoOfTaken(group: Group): void {
    if (this.#remove(group, (index) => index < group.taken) > 0) group.hasGap = true;
  }

  #thin(group: Group): void {
    group.isThinned = true;
    const { taken } = group;
    this.#dropped += this.#remove(group, (index) => index >= taken);
  }

  /** A keyframe is decoded without the others, and sound is not what takes room or time: they stay. */
  #remove(group: Group, isMeant: (index: number) => boolean): number {
    const { frames, taken } = group;
    const isKept = (frame: MediaFrame, index: number) =>
      index === 0 || frame.track === "audio" || !isMeant(index);
    for (const [index, frame] of frames.entries()) {
      if (!isKept(frame, index)) this.#uncount(frame, index < taken);
    }
    const kept = frames.filter(isKept);
    const removed = frames.length - kept.length;
    group.taken = frames.slice(0, taken).filter(isKept).length;
    frames.splice(0, frames.length, ...kept);
    return removed;
  }

  #count({ data }: MediaFrame, sign: 1 | -1): void {
    this.#bytes += sign * data.length;
    this.#waitingBytes += sign * data.length;
  }

  #uncount(frame: MediaFrame, wasTaken: boolean): void {
    this.#count(frame, -1);
    if (wasTaken) this.#waitingBytes += frame.data.length;
  }
}

function waitingTicksOf({ frames, taken }: Group): number {
  const next = frames[taken];
  return next === undefined ? 0 : (frames.at(-1) ?? next).dtsTicks - next.dtsTicks;
}
