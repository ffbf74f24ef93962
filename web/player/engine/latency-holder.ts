/**
 * Keeps a live picture at its distance from the live edge: by its speed where that can be changed without
 * a break, and by a jump after a stall or a sleep. A viewer who rewinds or pauses for long is left alone until the next jump to live.
 */
import { holdRate, type LivePosition } from "./hold-rate.ts";
import { LiveMargin, type LiveMarginOptions } from "./live-margin.ts";
import { isGStreamer } from "./webkit-gstreamer.ts";

/** Where the picture is; its target is the distance that is recommended. */
export type LiveSituation = LivePosition & {
  /** How close it may be held where the network allows it, in seconds. */
  readonly closestS: number;
  /** How close a network that delivers on time is sure to allow, in seconds. */
  readonly promisingS: number;
  /** What is to be in the buffer besides, for what this line is known to be late with, in seconds. */
  readonly spareS: number;
  /** More of the broadcast comes: the live edge is where it is said to be. */
  readonly isGrowing: boolean;
  /** The line is fast enough for what is played: a stall is its hesitation. */
  readonly isCarried: boolean;
};

export type LiveSource = {
  /** Null while it cannot be told. */
  position(): LiveSituation | null;
  /** Where in the media to go on from, to be `targetS` behind; null while it cannot be told. */
  livePositionS(targetS: number): number | null;
};

export type HolderOptions = LiveMarginOptions & {
  /** Further behind than this, playing faster takes too long. */
  readonly jumpS: number;
};

const TICK_MS = 100;
/** To begin with, what was late to load is skipped as far as the buffer reaches. */
const SETTLE_MS = 3000;
const SETTLE_JUMP_S = 0.4;
/** Where only a jump can make up for it. */
const FIXED_SPEED_JUMP_S = 1.2;
const LEFT_AFTER_JUMP_S = 0.4;
/** Held: no further than this from where it should be. */
const HELD_S = 0.1;
const BETWEEN_JUMPS_MS = 1500;
/** A seek from so near is no choice. */
const NEAR_S = 0.5;
/** A jump that gains less is none. */
const MIN_GAIN_S = 0.1;
/** Who chose to be further behind than this wants to be there. */
const CHOSEN_S = 4;

export class LatencyHolder {
  readonly #video: HTMLVideoElement;
  readonly #source: LiveSource;
  readonly #options: HolderOptions;
  readonly #listeners = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  /** WebKit on GStreamer begins its picture anew for each speed, and at times pauses itself for it. */
  readonly #isSpeedFixed = isGStreamer(navigator.userAgent);
  #isHolding = true;
  #hasPlayed = false;
  #settledAtMs = Infinity;
  /** Where a jump of our own leads to; null: none is under way. */
  #jumpedToS: number | null = null;
  #lastTimeS = 0;
  /** Null until a position tells where it begins. */
  #margin: LiveMargin | null = null;
  #stalls = 0;
  #lastJumpMs = 0;

  constructor(video: HTMLVideoElement, source: LiveSource, options: HolderOptions) {
    this.#video = video;
    this.#source = source;
    this.#options = options;
    const { signal } = this.#listeners;
    video.addEventListener("playing", () => this.#notePlaying(), { signal });
    video.addEventListener("waiting", () => this.#noteStall(), { signal });
    video.addEventListener("seeking", () => this.#noteSeek(), { signal });
    video.addEventListener("play", () => this.#noteChoice(), { signal });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** How often the picture stood still for want of data. */
  get stalls(): number {
    return this.#stalls;
  }

  /** Whether the viewer watches live, and not an earlier moment of the broadcast. */
  get isAtLive(): boolean {
    const position = this.#source.position();
    return position === null || this.#isHolding && !this.#video.paused;
  }

  /** How far from the live edge the picture is to be, in seconds; null while it cannot be told. */
  get targetS(): number | null {
    const position = this.#source.position();
    return position === null ? null : this.#targetOf(position);
  }

  jumpToLive(): void {
    this.#isHolding = true;
    this.#jump();
    if (this.#video.paused) this.#video.play().catch(() => {});
  }

  destroy(): void {
    clearInterval(this.#timer);
    this.#listeners.abort();
    this.#setRate(1);
  }

  #tick(): void {
    const { seeking, currentTime } = this.#video;
    // A seek is seen here before its event comes.
    if (seeking && currentTime < this.#lastTimeS - NEAR_S) this.#noteSeek();
    if (!seeking) this.#lastTimeS = currentTime;
    const position = this.#source.position();
    if (position === null || this.#video.paused || !this.#hasPlayed) return;
    this.#margin ??= new LiveMargin(this.#options, position.promisingS - position.targetS);
    // Where nothing new comes there is nothing to catch up with.
    if (!this.#isHolding || !position.isGrowing) return this.#setRate(1);
    const nowMs = performance.now();
    const targetS = this.#targetOf(position);
    const { latencyS, bufferS } = position;
    const isHeld = Math.abs(latencyS - targetS) < HELD_S;
    if (isHeld && position.isCarried) this.#margin.note(bufferS - position.spareS, nowMs);
    const wanted = { latencyS, targetS, bufferS };
    const step = holdRate(wanted, this.#video.playbackRate, this.#jumpS(wanted, nowMs));
    if (step.kind === "rate") this.#setRate(step.rate);
    else if (nowMs - this.#lastJumpMs > BETWEEN_JUMPS_MS) this.#jump();
  }

  #jumpS({ latencyS, targetS, bufferS }: LivePosition, nowMs: number): number {
    const isCovered = bufferS - (latencyS - targetS) > LEFT_AFTER_JUMP_S;
    if (isCovered && nowMs < this.#settledAtMs) return SETTLE_JUMP_S;
    const { jumpS } = this.#options;
    return this.#isSpeedFixed ? Math.min(jumpS, FIXED_SPEED_JUMP_S) : jumpS;
  }

  #targetOf({ targetS, closestS, spareS }: LiveSituation): number {
    return Math.max(closestS, targetS + (this.#margin?.seconds ?? 0)) + spareS;
  }

  #jump(): void {
    const position = this.#source.position();
    if (position === null) return;
    const toS = this.#source.livePositionS(this.#targetOf(position));
    if (toS === null || toS < this.#video.currentTime + MIN_GAIN_S) return;
    this.#lastJumpMs = performance.now();
    this.#jumpedToS = toS;
    this.#setRate(1);
    this.#video.currentTime = toS;
  }

  #setRate(rate: number): void {
    if (!this.#isSpeedFixed && this.#video.playbackRate !== rate) this.#video.playbackRate = rate;
  }

  #notePlaying(): void {
    if (!this.#hasPlayed) this.#settledAtMs = performance.now() + SETTLE_MS;
    this.#hasPlayed = true;
  }

  #noteStall(): void {
    if (!this.#hasPlayed || this.#video.seeking || this.#video.paused) return;
    this.#stalls += 1;
    // More distance makes no line faster.
    if (this.#source.position()?.isCarried === false) return;
    const nowMs = performance.now();
    this.#margin?.noteStall(nowMs, nowMs < this.#settledAtMs);
  }

  /**
   * Who seeks back chooses an earlier moment. A seek forward, the viewer's or hls.js's over a gap, never
   * takes a picture further from live.
   */
  #noteSeek(): void {
    const { currentTime } = this.#video;
    const isOwn = this.#jumpedToS !== null && Math.abs(currentTime - this.#jumpedToS) < NEAR_S;
    const isBack = currentTime < this.#lastTimeS - NEAR_S;
    this.#jumpedToS = null;
    this.#lastTimeS = currentTime;
    if (!isOwn && (isBack || !this.#isHolding)) this.#noteChoice();
  }

  #noteChoice(): void {
    const position = this.#source.position();
    if (position === null || !this.#hasPlayed) return;
    this.#isHolding = position.latencyS - position.targetS < CHOSEN_S;
  }
}
