/**
 * HLS through hls.js: close to the live edge, and through every interruption without a reload.
 */
import { type ErrorData, ErrorTypes, Events, Hls, type HlsConfig } from "hls.js/light";
import { LiveLoader } from "./live-loader.ts";
import { LatencyHolder } from "./latency-holder.ts";
import {
  bufferedAheadS,
  lastBufferedS,
  type Player,
  type PlayerEvents,
  retryDelayMs,
  startPlayback,
} from "./player.ts";
import { START_BANDWIDTH_BPS } from "./start-plan.ts";
import { SteadyLevels } from "./steady-levels.ts";

export type HlsSource = {
  readonly url: string;
  readonly isLive: boolean;
  /** Nothing is loaded before; default: at once. A player that is made early has less to do then. */
  readonly begins?: Promise<void>;
};

/** As long as a publisher may be away, and longer: the playlist is asked for again and again. */
const PATIENT_RETRIES = { maxNumRetry: 10_000, retryDelayMs: 300, maxRetryDelayMs: 2000 };
const GONE = new Set([404, 410]);
/** How close a picture is held at most, as a share of what the server recommends. */
const CLOSEST = 0.5;
/** What is to be left in the buffer when the next part comes, in seconds. */
const RESERVE_S = 0.3;
/** How long a part that is complete is under way on a good network, in seconds. */
const DELIVERY_S = 0.15;
/** A live picture moves once this share of its distance is loaded, or so many seconds of it. */
const START_SHARE = 0.8;
const MAX_START_S = 0.9;
/** It moves then in any case. */
const START_PATIENCE_MS = 1000;
/** A gap before the first picture that no seek is needed for. */
const NEAR_S = 0.5;
const CALM_MS = 10_000;
const MAX_RECOVERIES = 3;

const LIVE: Partial<HlsConfig> = {
  lowLatencyMode: true,
  // hls.js only catches up with more than a second in its buffer, which low latency never has, and
  // never slows down: LatencyHolder does both. 1 turns hls.js's own way off.
  maxLiveSyncPlaybackRate: 1,
  liveSyncOnStallIncrease: 0,
  abrEwmaDefaultEstimate: START_BANDWIDTH_BPS,
  testBandwidth: false,
  startFragPrefetch: true,
  loader: LiveLoader,
  abrController: SteadyLevels,
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
  readonly holder: LatencyHolder | null;
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
    this.#hls = new Hls({
      enableWorker: false, // fMP4 needs no transmuxing, and the CSP allows no blob scripts
      backBufferLength: 30,
      ...(source.isLive ? LIVE : { startPosition: 0 }),
    });
    this.#hls.on(Events.ERROR, (_event, data) => this.#onError(data));
    if (source.isLive) this.#startOnceBuffered();
    else this.#hls.on(Events.MANIFEST_PARSED, () => startPlayback(video));
    this.#hls.on(Events.FRAG_BUFFERED, () => this.#attempt = 0);
    whenBegun(source, () => {
      if (!this.#isDestroyed) this.#hls.loadSource(source.url);
    });
    this.#hls.attachMedia(video);
    this.holder = source.isLive ? this.#createHolder() : null;
  }

  /** The picture is there with the first part; it moves once a late second or third one does no harm. */
  #startOnceBuffered(): void {
    const start = () => {
      clearTimeout(this.#start);
      this.#hls.off(Events.BUFFER_APPENDED, check);
      startPlayback(this.#video);
    };
    const check = () => {
      showFirstPicture(this.#video);
      this.#start ??= setTimeout(start, START_PATIENCE_MS);
      const enoughS = Math.min(MAX_START_S, (this.#hls.targetLatency ?? 0) * START_SHARE);
      if (lastBufferedS(this.#video) >= enoughS) start();
    };
    this.#hls.on(Events.BUFFER_APPENDED, check);
  }

  playingAtMs(): number | null {
    return this.#hls.playingDate?.getTime() ?? null;
  }

  destroy(): void {
    this.#isDestroyed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#start);
    this.holder?.destroy();
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
        return { latencyS, targetS: targetLatency, closestS, promisingS, bufferS };
      },
      livePositionS: (targetS) => {
        const { liveSyncPosition, targetLatency } = this.#hls;
        if (liveSyncPosition === null || targetLatency === null) return null;
        return Math.max(0, liveSyncPosition - (targetS - targetLatency));
      },
    }, { jumpS: 3, reserveS: RESERVE_S, stallS: 0.15 });
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

function whenBegun({ begins }: HlsSource, load: () => void): void {
  if (begins === undefined) load();
  else void begins.then(load);
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
  return { playingAtMs: () => null, holder: null, destroy: () => {} };
}

function playNatively(video: HTMLVideoElement, source: HlsSource, events: PlayerEvents): Player {
  let attempt = 0;
  let isDestroyed = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  const load = () => {
    video.src = source.url;
    startPlayback(video);
  };
  const onError = () => {
    events.onTrouble(video.error?.message ?? "unknown error");
    retry = setTimeout(load, retryDelayMs(attempt));
    attempt += 1;
  };
  const onPlaying = () => attempt = 0;
  video.addEventListener("error", onError);
  video.addEventListener("playing", onPlaying);
  whenBegun(source, () => {
    if (!isDestroyed) load();
  });
  return {
    playingAtMs: () => startDateMs(video),
    holder: null,
    destroy: () => {
      isDestroyed = true;
      clearTimeout(retry);
      video.removeEventListener("error", onError);
      video.removeEventListener("playing", onPlaying);
      video.removeAttribute("src");
      video.load();
    },
  };
}

/** Safari tells the wall clock of its timeline's zero. */
function startDateMs(video: HTMLVideoElement & { getStartDate?: () => Date }): number | null {
  const startMs = video.getStartDate?.().getTime() ?? Number.NaN;
  return Number.isNaN(startMs) ? null : startMs + video.currentTime * 1000;
}
