/**
 * Chooses which rendition a live picture is loaded in: smaller at once where the line does not carry it,
 * or soon where the machine does not show it; larger when there has been room for it for a while. hls.js
 * averages over what a fast line once did, and takes half a minute to believe in a slow one.
 */
import { Events, type Fragment, type Hls, type Part } from "hls.js/light";
import {
  isSmallerWorthwhile,
  isTooHeavy,
  lighterLevel,
  newWatch,
  noteCount,
} from "./frame-watch.ts";
import { LineWatch } from "./line-watch.ts";
import { bufferedAheadS, lastBufferedS, type TooSlow } from "./player.ts";
import { readInit } from "./read-ahead.ts";
import { fittingLevel, type LineRate, roomyLevel } from "./rung-choice.ts";
import { ceilingOf, isRiseDue, newRecord, noteFall, noteHeavy, noteRise } from "./rung-record.ts";
import type { RungWish } from "./steady-levels.ts";

const LOOK_MS = 100;
/** The buffer is thin below this and what comes at a time. */
const THIN_S = 0.25;
/** A picture is due that has more ahead of it. */
const DUE_S = 0.2;
/** Where looks are so far apart, the machine has no time for what it has; and for so long after. */
const LATE_LOOK_MS = 250;
const LATE_MS = 600;
/** A picture of which no more is shown hardly moves. */
const STANDING = 0.4;
/** What a line that was too slow, or a change, has left behind is over by then. */
const SETTLE_MS = 3000;

export class RungChooser {
  readonly line: LineWatch;
  readonly #hls: Hls;
  readonly #video: HTMLVideoElement;
  readonly #wish: RungWish;
  readonly #onFit: (tooSlow: TooSlow | null) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #record = newRecord(Infinity);
  /** The viewer's choice; -1: they have made none. */
  #pinned = -1;
  #isTooSlow = false;
  #isTooHeavy = false;
  #isReplacing = false;
  /** What is buffered of the picture before is not waited for. */
  #isSkipping = false;
  #changedAtMs = -Infinity;
  #lookedAtMs = performance.now();
  #lateUntilMs = -Infinity;
  #frames;
  /** What was shown of a larger picture that was too much. */
  #shareAbove: number | null = null;

  /** `onFit` hears for what the smallest picture is too much; null: it is not. */
  constructor(
    hls: Hls,
    video: HTMLVideoElement,
    wish: RungWish,
    onFit: (tooSlow: TooSlow | null) => void,
  ) {
    this.#hls = hls;
    this.#video = video;
    this.#wish = wish;
    this.#onFit = onFit;
    this.line = new LineWatch(hls);
    this.#frames = newWatch(this.#count());
    hls.once(Events.FRAG_BUFFERED, () => this.#record = newRecord(performance.now()));
    hls.on(Events.FRAG_LOADED, () => this.#mayRise());
    hls.on(
      Events.FRAG_BUFFERED,
      (_event, { frag, part }) => this.#noteBuffered(frag, part ?? frag),
    );
    hls.on(Events.LEVEL_SWITCHED, () => this.#frames = newWatch(this.#count()));
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Whether the line is fast enough for what is played, as far as is known. */
  get isCarried(): boolean {
    return !this.#isTooSlow && performance.now() - this.#changedAtMs > SETTLE_MS;
  }

  get pinned(): number {
    return this.#pinned;
  }

  /** Stays at `level`, whatever the line carries, from the next segment on; -1: chooses again. */
  pin(level: number): void {
    this.#pinned = level;
    this.#record = newRecord(performance.now());
    if (level !== -1) this.#wish.level = level;
  }

  /** What is to be in the buffer besides, in seconds: nothing on a line that never was too slow. */
  get spareS(): number {
    return this.#record.fallBps === Infinity ? 0 : this.line.spareS;
  }

  destroy(): void {
    clearInterval(this.#timer);
  }

  /**
   * What is decoded when another rendition's keyframe comes in its place is gone: Chromium shows nothing
   * up to the next keyframe, unless it begins anew where it is.
   */
  #noteBuffered(frag: Fragment, { start, end }: Fragment | Part): void {
    if (!this.#isReplacing || frag.level !== this.#hls.loadLevel) return;
    const { currentTime } = this.#video;
    const toS = this.#isSkipping ? Math.max(currentTime, start) : currentTime;
    const aheadS = toS > currentTime ? end - toS : bufferedAheadS(this.#video);
    if (frag.sn === "initSegment" || aheadS < THIN_S) return;
    this.#isReplacing = this.#isSkipping = false;
    this.#video.currentTime = toS;
  }

  #look(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lookedAtMs > LATE_LOOK_MS) this.#lateUntilMs = nowMs + LATE_MS;
    this.#lookedAtMs = nowMs;
    this.#lookAtLine();
    this.#lookAtFrames();
  }

  #lookAtLine(): void {
    const { now } = this.line;
    if (now === null || this.#video.paused) return;
    const bufferS = bufferedAheadS(this.#video);
    const late = this.line.lateFor(bufferS);
    const isThin = this.line.isTold && bufferS < THIN_S + this.line.comingS;
    if (now.load <= 1 && late === null) this.#noteFit({ isTooSlow: false });
    else if (late !== null || isThin) this.#fall(late ?? now);
  }

  #fall({ bps }: LineRate): void {
    const { loadLevel } = this.#hls;
    if (loadLevel === 0) this.#noteFit({ isTooSlow: true });
    if (loadLevel <= 0 || this.#pinned !== -1) return;
    this.#changedAtMs = performance.now();
    this.#record = noteFall(this.#record, bps, this.#changedAtMs);
    this.#wish.level = fittingLevel(this.#bitrates(), loadLevel, bps, this.#againS());
    this.#replace();
  }

  /** Loads the running segment again, as it is wished now. */
  #replace(): void {
    this.#hls.nextLoadLevel = this.#wish.level;
    this.line.forget();
    this.#isReplacing = true;
    this.line.leave();
  }

  /** How much of the running segment is there, and would be loaded again. */
  #againS(): number {
    const { currentTime } = this.#video;
    const endS = currentTime + bufferedAheadS(this.#video);
    return Math.max(0, endS - (this.line.segmentStartS ?? endS));
  }

  #mayRise(): void {
    const { loadLevel, levels } = this.#hls;
    const { come } = this.line;
    const nowMs = performance.now();
    if (come === null || this.#pinned !== -1 || !isRiseDue(this.#record, come.bps, nowMs)) return;
    const most = Math.min(levels.length, ceilingOf(this.#record, nowMs)) - 1;
    const level = Math.min(most, roomyLevel(this.#bitrates(), come));
    const uri = levels[level]?.uri;
    if (level <= loadLevel || uri === undefined) return;
    const record = this.#record = noteRise(this.#record, nowMs);
    const rise = () => {
      if (this.#record !== record) return;
      this.#changedAtMs = performance.now();
      this.#wish.level = level;
    };
    // What the first part needs besides is there before it.
    readInit(uri).then(rise, rise);
  }

  #lookAtFrames(): void {
    this.#frames = noteCount(this.#frames, this.#count());
    const { share, poor } = this.#frames;
    if (poor === 0) this.#noteFit({ isTooHeavy: false });
    if (share === null || !isTooHeavy(this.#frames)) return;
    const { currentLevel, loadLevel } = this.#hls;
    if (currentLevel === 0) return this.#noteFit({ isTooHeavy: true });
    const isOnItsWay = Math.min(loadLevel, this.#wish.level) < currentLevel &&
      this.#wish.level !== -1;
    if (currentLevel > 0 && !isOnItsWay) this.#lighten(currentLevel, share);
  }

  /**
   * From where the next segment begins, and nothing is lost; at once where the picture hardly moves, and
   * what is buffered of it would take far longer than its time.
   */
  #lighten(level: number, share: number): void {
    if (this.#pinned !== -1 || !isSmallerWorthwhile(share, this.#shareAbove)) return;
    this.#shareAbove = share;
    const pixels = this.#hls.levels.map(({ width, height }) => width * height);
    this.#wish.level = lighterLevel(pixels, level, share);
    this.#changedAtMs = performance.now();
    this.#record = noteHeavy(this.#record, this.#wish.level + 1, this.#changedAtMs);
    if (share > STANDING && bufferedAheadS(this.#video) > THIN_S) return;
    this.#isSkipping = true;
    this.#replace();
  }

  #count() {
    const { totalVideoFrames, droppedVideoFrames } = this.#video.getVideoPlaybackQuality();
    return {
      atMs: performance.now(),
      frames: totalVideoFrames,
      dropped: droppedVideoFrames,
      timeS: this.#video.currentTime,
      isDue: !this.#video.paused && !document.hidden && this.#isThere(),
    };
  }

  /**
   * There is something to show, or would be if the machine got it done: more is listed, and it is not
   * the line that keeps it waiting.
   */
  #isThere(): boolean {
    const { seeking, currentTime } = this.#video;
    const isLate = performance.now() < this.#lateUntilMs;
    if (seeking && !isLate) return false;
    if (bufferedAheadS(this.#video) > DUE_S) return true;
    const listedS = (this.#hls.latestLevelDetails?.edge ?? 0) - currentTime;
    // What stands before a gap waits for no machine.
    const isPrompt = this.line.isPrompt && lastBufferedS(this.#video) <= DUE_S;
    return listedS > DUE_S + this.line.comingS && (isLate || isPrompt);
  }

  #noteFit({ isTooSlow = this.#isTooSlow, isTooHeavy = this.#isTooHeavy }): void {
    if (isTooSlow === this.#isTooSlow && isTooHeavy === this.#isTooHeavy) return;
    this.#isTooSlow = isTooSlow;
    this.#isTooHeavy = isTooHeavy;
    this.#onFit(isTooSlow ? "connection" : isTooHeavy ? "device" : null);
  }

  #bitrates(): number[] {
    return this.#hls.levels.map(({ averageBitrate }) => averageBitrate);
  }
}
