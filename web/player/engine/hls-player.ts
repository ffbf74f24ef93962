/**
 * HLS through hls.js: close to the live edge, and through every interruption without a reload.
 */
import {
  type ErrorData,
  ErrorTypes,
  Events,
  Hls,
  type HlsConfig,
  type LevelDetails,
} from "hls.js/light";
import { newestAt } from "../watching/ask-newest.ts";
import { CaptionWatch } from "../captions/caption-watch.ts";
import { resetForEarlierMedia } from "./earlier-media.ts";
import { LevelChoice } from "./level-choice.ts";
import { loadThrough } from "./live-loader.ts";
import { type HlsSource, playNatively, whenBegun } from "./native-player.ts";
import { LatencyHolder } from "./latency-holder.ts";
import { PartsAhead } from "./parts-ahead.ts";
import {
  bufferedAheadS,
  lastBufferedS,
  type Player,
  type PlayerEvents,
  type RenditionChoice,
  retryDelayMs,
  startPlayback,
} from "./player.ts";
import { RungChooser } from "./rung-chooser.ts";
import { START_BANDWIDTH_BPS } from "./start-plan.ts";
import { answerWith, type RungWish } from "./steady-levels.ts";
import { isGStreamer } from "./webkit-gstreamer.ts";

/** As long as a publisher may be away, and longer: the playlist is asked for again and again. */
const PATIENT_RETRIES = { maxNumRetry: 10_000, retryDelayMs: 300, maxRetryDelayMs: 2000 };
const GONE = new Set([404, 410]);
/** How close a picture is held at most, as a share of what the server recommends. */
const CLOSEST = 0.5;
/** What is to be left in the buffer when the next part comes, in seconds. */
const RESERVE_S = 0.3;
/** Ways to the server and back: what was lost, another connection, and the same once more. */
const LOST_TRIPS = 3;
const MAX_FAR_SPARE_S = 1;
/** How long a part that is complete is under way on a good network, in seconds. */
const DELIVERY_S = 0.15;
/** A live picture moves once this share of its distance is loaded, or so many seconds of it. */
const START_SHARE = 0.8;
const MAX_START_S = 0.9;
/** It moves then in any case. */
const START_PATIENCE_MS = 1000;
/** A gap before the first picture that no seek is needed for. */
const NEAR_S = 0.5;
const ROUNDING_S = 0.05;
/** A playlist grows as long as it is no older than this, and than this many of its steps. */
const MIN_GROWING_S = 1.5;
const GROWING_SHARE = 1.5;
const CALM_MS = 10_000;
const MAX_RECOVERIES = 3;

const LIVE: Partial<HlsConfig> = {
  lowLatencyMode: true,
  // With a length that grows, WebKit takes the picture at its edge for ended, time and again.
  liveDurationInfinity: true,
  // hls.js only catches up with more than a second in its buffer, which low latency never has, and
  // never slows down: LatencyHolder does both. 1 turns hls.js's own way off.
  maxLiveSyncPlaybackRate: 1,
  liveSyncOnStallIncrease: 0,
  testBandwidth: false,
  startFragPrefetch: true,
  playlistLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 15_000,
      maxLoadTimeMs: 20_000,
      timeoutRetry: PATIENT_RETRIES,
      errorRetry: {
        ...PATIENT_RETRIES,
        backoff: "linear",
        // A playlist that is gone has a successor, which the multivariant playlist names.
        shouldRetry: (_config, _count, _isTimeout, response) => !GONE.has(response?.code ?? 0),
      },
    },
  },
};

export class HlsPlayer implements Player {
  readonly choice: RenditionChoice;
  readonly holder: LatencyHolder | null;
  readonly #chooser: RungChooser | null;
  readonly #captions: CaptionWatch;
  readonly #ahead = new PartsAhead();
  readonly #hls: Hls;
  readonly #source: HlsSource;
  readonly #events: PlayerEvents;
  readonly #video: HTMLVideoElement;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #start: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #isDestroyed = false;
  #recoveredAtMs: number[] = [];

  constructor(video: HTMLVideoElement, source: HlsSource, events: PlayerEvents) {
    this.#video = video;
    this.#source = source;
    this.#events = events;
    const wish: RungWish = { level: -1, lineBps: START_BANDWIDTH_BPS };
    this.#hls = new Hls({
      enableWorker: false, // fMP4 needs no transmuxing, and the CSP allows no blob scripts
      backBufferLength: 30,
      ...(source.isLive
        ? { ...LIVE, abrController: answerWith(wish), loader: loadThrough(this.#ahead) }
        : { startPosition: source.startS ?? 0 }),
    });
    this.#captions = new CaptionWatch(this.#hls, video);
    if (isGStreamer(navigator.userAgent)) resetForEarlierMedia(this.#hls);
    this.#hls.on(Events.ERROR, (_event, data) => this.#onError(data));
    if (source.isLive) this.#startOnceBuffered();
    else this.#startOnceShown();
    this.#hls.on(Events.FRAG_BUFFERED, () => this.#attempt = 0);
    this.#hls.on(Events.LEVEL_UPDATED, (_event, { details }) => this.#noteGrowth(details));
    whenBegun(source, () => {
      if (!this.#isDestroyed) this.#hls.loadSource(source.url);
    });
    this.#hls.attachMedia(video);
    this.holder = source.isLive ? this.#createHolder() : null;
    this.#chooser = source.isLive ? new RungChooser(this.#hls, video, wish, events.onFit) : null;
    this.#ahead.isWelcome = () => this.#chooser?.line.hasRoom === true;
    this.choice = new LevelChoice(this.#hls, this.#chooser);
  }

  /**
   * hls.js skips a gap before the first frame, be it one of milliseconds, as soon as a recording is to
   * play, and a seek that early can hang for good in WebKit. A browser shows such a frame by itself.
   */
  #startOnceShown(): void {
    const start = () => {
      clearTimeout(this.#start);
      startPlayback(this.#video, this.#events);
    };
    this.#video.addEventListener("loadeddata", start, { once: true });
    this.#hls.on(Events.FRAG_BUFFERED, () => this.#start ??= setTimeout(start, START_PATIENCE_MS));
  }

  /** The picture is there with the first part; it moves once a late second or third one does no harm. */
  #startOnceBuffered(): void {
    const start = () => {
      clearTimeout(this.#start);
      this.#hls.off(Events.BUFFER_APPENDED, check);
      startPlayback(this.#video, this.#events);
    };
    const check = () => {
      showFirstPicture(this.#video);
      this.#start ??= setTimeout(start, START_PATIENCE_MS);
      const enoughS = Math.min(MAX_START_S, (this.#hls.targetLatency ?? 0) * START_SHARE);
      if (lastBufferedS(this.#video) >= enoughS) start();
    };
    this.#hls.on(Events.BUFFER_APPENDED, check);
  }

  takenAtMs(mediaTimeS: number): number | null {
    const details = this.#hls.latestLevelDetails;
    if (details === null) return null;
    const { fragments, fragmentHint } = details;
    const dated = [...fragments, ...fragmentHint === undefined ? [] : [fragmentHint]]
      .filter(({ programDateTime }) => programDateTime !== null);
    const one = dated.findLast(({ start }) => start <= mediaTimeS + ROUNDING_S) ?? dated[0];
    const startsAtMs = one?.programDateTime ?? null;
    if (one === undefined || startsAtMs === null) return null;
    return startsAtMs + (mediaTimeS - one.start) * 1000;
  }

  get playlistUrl(): string | null {
    return this.#hls.latestLevelDetails?.url ?? null;
  }

  destroy(): void {
    this.#isDestroyed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#start);
    this.holder?.destroy();
    this.#chooser?.destroy();
    this.#captions.destroy();
    this.#ahead.drop();
    this.#hls.destroy();
  }

  #createHolder(): LatencyHolder {
    return new LatencyHolder(this.#video, {
      position: () => {
        const { latestLevelDetails: details, targetLatency } = this.#hls;
        if (details === null || !details.live || targetLatency === null) return null;
        // hls.latency is as old as the last `timeupdate`: too old right after a seek.
        const latencyS = details.edge + details.age - this.#video.currentTime;
        // Without parts there is nothing to gain: a segment comes whole.
        const { partTarget } = details;
        const closestS = partTarget > 0 ? targetLatency * CLOSEST : targetLatency;
        const promisingS = partTarget > 0
          ? Math.min(targetLatency, partTarget + DELIVERY_S + RESERVE_S)
          : targetLatency;
        const bufferS = bufferedAheadS(this.#video);
        const isGrowing = details.age < Math.max(MIN_GROWING_S, rhythmS(details) * GROWING_SHARE);
        const isCarried = this.#chooser?.isCarried ?? true;
        const spareS = Math.max(this.#chooser?.spareS ?? 0, this.#farSpareS);
        const distances = { targetS: targetLatency, closestS, promisingS, spareS };
        return { latencyS, bufferS, isGrowing, isCarried, ...distances };
      },
      livePositionS: (targetS) => {
        const { liveSyncPosition, targetLatency } = this.#hls;
        if (liveSyncPosition === null || targetLatency === null) return null;
        return Math.max(0, liveSyncPosition - (targetS - targetLatency));
      },
    }, { jumpS: 3, reserveS: RESERVE_S, stallS: 0.15 });
  }

  /** What a connection that breaks costs where the server is far. */
  get #farSpareS(): number {
    return Math.min(MAX_FAR_SPARE_S, this.#ahead.roundTripMs * LOST_TRIPS / 1000);
  }

  #noteGrowth(details: LevelDetails): void {
    if (!details.live) return this.#events.onCut();
    const { endSN, partList } = details;
    const parts = partList?.filter(({ fragment }) => fragment.sn === endSN + 1).length ?? 0;
    const newest = newestAt(endSN, parts);
    this.#events.onGrowth({ newest, rhythmMs: rhythmS(details) * 1000 });
  }

  #onError(data: ErrorData): void {
    if (!data.fatal) {
      // Retried inside of hls.js for as long as it takes: the page may want to say why it waits.
      if (data.type === ErrorTypes.NETWORK_ERROR) this.#events.onTrouble(data.details);
      return;
    }
    this.#events.onTrouble(data.details);
    if (data.type === ErrorTypes.MEDIA_ERROR && this.#mayRecover()) {
      this.#hls.recoverMediaError();
    } else this.#startAgain();
  }

  #mayRecover(): boolean {
    const nowMs = performance.now();
    this.#recoveredAtMs = this.#recoveredAtMs.filter((atMs) => nowMs - atMs < CALM_MS);
    this.#recoveredAtMs.push(nowMs);
    return this.#recoveredAtMs.length <= MAX_RECOVERIES;
  }

  /** From the multivariant playlist on: after a restart of the server everything below it is new. */
  #startAgain(): void {
    clearTimeout(this.#retry);
    this.#hls.stopLoad();
    this.#retry = setTimeout(() => {
      this.#hls.loadSource(this.#source.url);
      this.#hls.startLoad();
    }, retryDelayMs(this.#attempt));
    this.#attempt += 1;
  }
}

/** How often a playlist is to grow. */
function rhythmS({ partTarget, targetduration }: LevelDetails): number {
  return partTarget > 0 ? partTarget : targetduration;
}

/** hls.js goes to where it begins only once all is loaded that it found listed. */
function showFirstPicture(video: HTMLVideoElement): void {
  const { buffered, currentTime } = video;
  // A browser shows what begins this close by itself; a seek would only hold it up.
  if (buffered.length > 0 && buffered.start(0) - currentTime > NEAR_S) {
    video.currentTime = buffered.start(0);
  }
}

/** hls.js where it runs; the browser's own HLS where it does not. */
export function playHls(
  video: HTMLVideoElement,
  source: HlsSource,
  events: PlayerEvents,
): Player {
  // Desktop Chromium answers "maybe" for HLS and then ignores its low-latency tags: hls.js first.
  if (Hls.isSupported()) return new HlsPlayer(video, source, events);
  if (video.canPlayType("application/vnd.apple.mpegurl") !== "") {
    return playNatively(video, source, events);
  }
  events.onUnsupported();
  return {
    takenAtMs: () => null,
    choice: null,
    playlistUrl: null,
    holder: null,
    destroy: () => {},
  };
}
