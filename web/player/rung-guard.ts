/**
 * Takes a live picture down to a rendition that the line carries before its buffer is empty. hls.js
 * averages over what a fast line once did, and takes half a minute to believe in a slow one.
 */
import { Events, type Fragment, type Hls, type Part } from "hls.js/light";
import { bufferedAheadS } from "./player.ts";
import {
  type Delivery,
  fittingLevel,
  hasRoomAbove,
  type LineRate,
  measureLine,
  recent,
} from "./rung-choice.ts";

const LOOK_MS = 100;
/** The buffer is thin below this and what comes at a time. */
const THIN_S = 0.25;
/** What is under way for less tells nothing. */
const TELLING_MS = 400;
/** Not waited for, where something smaller would be there sooner. */
const STUCK_MS = 250;
/** What a line that was too slow has left behind is over by then. */
const SETTLE_MS = 3000;
/** How long a smaller picture stays at least; after each step up in vain twice as long. */
const STAY_MS = 8000;
const MAX_STAY_MS = 64_000;

export class RungGuard {
  readonly #hls: Hls;
  readonly #video: HTMLVideoElement;
  readonly #onFit: (isTooSlow: boolean) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #deliveries: readonly Delivery[] = [];
  #underWay: { readonly frag: Fragment; readonly part: Part | null } | null = null;
  #isTooSlow = false;
  #isReplacing = false;
  /** The rendition that the line has room for again; -1: none. */
  #risesTo = -1;
  #downAtMs = -Infinity;
  #upAtMs = -Infinity;
  #stayMs = STAY_MS;

  /** `onFit` hears whether the smallest picture is too much for the line. */
  constructor(hls: Hls, video: HTMLVideoElement, onFit: (isTooSlow: boolean) => void) {
    this.#hls = hls;
    this.#video = video;
    this.#onFit = onFit;
    hls.on(Events.FRAG_LOADING, (_event, { frag, part }) => {
      this.#underWay = { frag, part: part ?? null };
    });
    hls.on(Events.FRAG_LOADED, (_event, { frag, part }) => this.#noteLoaded(frag, part));
    hls.on(Events.FRAG_BUFFERED, (_event, { frag }) => this.#noteBuffered(frag));
    hls.on(Events.LEVEL_SWITCHING, () => this.#deliveries = []);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Whether the line is fast enough for what is played, as far as is known. */
  get isCarried(): boolean {
    return !this.#isTooSlow && performance.now() - this.#downAtMs > SETTLE_MS;
  }

  destroy(): void {
    clearInterval(this.#timer);
  }

  #noteLoaded(frag: Fragment, part: Part | null): void {
    this.#underWay = null;
    if (frag.sn === "initSegment") return;
    this.#deliveries = recent([...this.#deliveries, deliveryOf(part ?? frag)]);
    const line = measureLine(this.#deliveries);
    if (line !== null) this.#mayStepUp(line);
    // What hls.js measures of small parts is its own work on them: it would not ask for more by itself.
    if (this.#risesTo > this.#hls.loadLevel) this.#hls.nextAutoLevel = this.#risesTo;
    else this.#risesTo = -1;
  }

  /**
   * What is decoded when another rendition's keyframe comes in its place is gone: Chromium shows nothing
   * up to the next keyframe, unless it begins anew where it is.
   */
  #noteBuffered(frag: Fragment): void {
    if (!this.#isReplacing || frag.level !== this.#hls.loadLevel) return;
    if (frag.sn === "initSegment" || bufferedAheadS(this.#video) < THIN_S) return;
    this.#isReplacing = false;
    const { currentTime } = this.#video;
    this.#video.currentTime = currentTime;
  }

  #look(): void {
    const stuck = this.#underWay === null
      ? null
      : deliveryOf(this.#underWay.part ?? this.#underWay.frag);
    const deliveries = stuck === null || stuck.tookMs < TELLING_MS
      ? this.#deliveries
      : recent([...this.#deliveries, stuck]);
    const line = measureLine(deliveries);
    if (line === null || this.#video.paused) return;
    const isLate = stuck !== null && this.#isLate(stuck);
    if (line.load <= 1 && !isLate) this.#noteFit(true);
    else if (isLate || deliveries.length > 1 && this.#isThin()) {
      this.#stepDown(isLate ? measureLine([stuck]) ?? line : line, stuck);
    }
  }

  /** What is under way comes when the buffer is empty. */
  #isLate(stuck: Delivery): boolean {
    if (stuck.tookMs < TELLING_MS) return false;
    const totalBytes = (this.#underWay?.part ?? this.#underWay?.frag)?.stats.total ?? 0;
    return leftMs(stuck, totalBytes) > bufferedAheadS(this.#video) * 1000;
  }

  #isThin(): boolean {
    const { part = null, frag } = this.#underWay ?? {};
    const comingS = part?.duration ?? frag?.duration ?? 0;
    return bufferedAheadS(this.#video) < THIN_S + comingS;
  }

  #stepDown(line: LineRate, stuck: Delivery | null): void {
    const { loadLevel } = this.#hls;
    if (loadLevel <= 0) {
      if (loadLevel === 0) this.#noteFit(false);
      return;
    }
    const nowMs = performance.now();
    if (nowMs - this.#upAtMs < this.#stayMs) {
      this.#stayMs = Math.min(MAX_STAY_MS, this.#stayMs * 2);
    }
    this.#downAtMs = nowMs;
    const level = fittingLevel(this.#bitrates(), loadLevel, line.bps);
    this.#hls.autoLevelCapping = level;
    this.#hls.nextLoadLevel = level;
    this.#deliveries = [];
    this.#isReplacing = true;
    this.#risesTo = -1;
    if (stuck !== null) this.#leaveStuck(stuck);
  }

  /** As hls.js leaves it when it steps down by itself. */
  #leaveStuck(stuck: Delivery): void {
    const { frag, part } = this.#underWay ?? {};
    if (frag === undefined) return;
    const { stats } = part ?? frag;
    if (stats.total > 0 && leftMs(stuck, stats.total) < STUCK_MS) return;
    this.#underWay = null;
    frag.abortRequests();
    this.#hls.trigger(Events.FRAG_LOAD_EMERGENCY_ABORTED, { frag, part: part ?? null, stats });
  }

  #mayStepUp(line: LineRate): void {
    const { autoLevelCapping, loadLevel } = this.#hls;
    const nowMs = performance.now();
    const changedAtMs = Math.max(this.#downAtMs, this.#upAtMs);
    if (autoLevelCapping === -1 || nowMs - changedAtMs < this.#stayMs) return;
    if (loadLevel < autoLevelCapping || !hasRoomAbove(this.#bitrates(), loadLevel, line)) return;
    const isTop = autoLevelCapping + 1 >= this.#hls.levels.length - 1;
    this.#hls.autoLevelCapping = isTop ? -1 : autoLevelCapping + 1;
    this.#risesTo = loadLevel + 1;
    // The slow time weighs on hls.js's average for long after.
    this.#hls.bandwidthEstimate = line.bps;
    this.#upAtMs = nowMs;
  }

  #noteFit(isFitting: boolean): void {
    if (isFitting === !this.#isTooSlow) return;
    this.#isTooSlow = !isFitting;
    this.#onFit(this.#isTooSlow);
  }

  #bitrates(): number[] {
    return this.#hls.levels.map(({ averageBitrate }) => averageBitrate);
  }
}

/** How long the rest of what is under way takes as fast as it came so far. */
function leftMs({ bytes, tookMs }: Delivery, totalBytes: number): number {
  return bytes === 0 ? Infinity : Math.max(0, totalBytes - bytes) * tookMs / bytes;
}

/** What has come of `media`, whole or in part. */
function deliveryOf({ stats, duration }: Fragment | Part): Delivery {
  const { loading, loaded, total } = stats;
  const untilMs = loading.end > 0 ? loading.end : performance.now();
  const tookMs = loading.first > 0 ? untilMs - loading.first : 0;
  const share = loading.end > 0 ? 1 : total > 0 ? loaded / total : 0;
  return { bytes: loaded, tookMs, mediaMs: duration * 1000 * share };
}
