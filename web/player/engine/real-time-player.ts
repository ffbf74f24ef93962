/**
 * The source as FLV through mpegts.js: a fraction of a second behind, in one quality, and with no
 * way back in time. Loaded only when somebody asks for it.
 */
import mpegts from "mpegts.js";
import { LatencyHolder } from "./latency-holder.ts";
import {
  bufferedAheadS,
  type Player,
  type PlayerEvents,
  retryDelayMs,
  startPlayback,
} from "./player.ts";

// The console belongs to the page.
mpegts.LoggingControl.applyConfig({ enableAll: false });

type MpegtsPlayer = ReturnType<typeof mpegts.createPlayer>;

/** What the server writes into onMetaData. */
type Metadata = { readonly startsAtMs?: number };

/** How much is kept ready: a few frames, so that the network may hesitate once. */
const TARGET_S = 0.18;

/** What of it is to be left at worst. */
const RESERVE_S = 0.03;

const PLACE_EVERY_MS = 20;
const LISTEN_EVERY_MS = 100;

const CONFIG = {
  isLive: true,
  enableWorker: false, // the CSP allows no blob scripts
  enableStashBuffer: false, // it would collect before it decodes
  lazyLoad: false,
  autoCleanupSourceBuffer: true,
  autoCleanupMaxBackwardDuration: 30,
  autoCleanupMinBackwardDuration: 15,
};

export class RealTimePlayer implements Player {
  readonly holder: LatencyHolder;
  readonly choice = null;
  readonly playlistUrl = null;
  readonly #video: HTMLVideoElement;
  readonly #url: string;
  readonly #events: PlayerEvents;
  #player: MpegtsPlayer | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #startsAtMs: number | null = null;
  #placing: ReturnType<typeof setInterval> | undefined;
  readonly #listening: ReturnType<typeof setInterval>;
  /** To where the buffer has been filled; each connection begins at zero. */
  #heardS = 0;

  constructor(video: HTMLVideoElement, url: string, events: PlayerEvents) {
    this.#video = video;
    this.#url = url;
    this.#events = events;
    this.holder = new LatencyHolder(video, {
      position: () => {
        const bufferS = bufferedAheadS(video);
        if (bufferS === 0) return null;
        const distances = { targetS: TARGET_S, closestS: TARGET_S, promisingS: TARGET_S };
        return {
          latencyS: bufferS,
          bufferS,
          spareS: 0,
          isGrowing: true,
          isCarried: true,
          ...distances,
        };
      },
      livePositionS: (targetS) => this.#livePositionS(targetS),
    }, { jumpS: 0.8, reserveS: RESERVE_S, stallS: 0.05 });
    this.#listening = setInterval(() => this.#listen(), LISTEN_EVERY_MS);
    this.#start();
  }

  takenAtMs(mediaTimeS: number): number | null {
    return this.#startsAtMs === null ? null : this.#startsAtMs + mediaTimeS * 1000;
  }

  destroy(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#placing);
    clearInterval(this.#listening);
    this.holder.destroy();
    this.#player?.destroy();
    this.#player = null;
  }

  #start(): void {
    this.#player?.destroy();
    this.#startsAtMs = null;
    this.#heardS = 0;
    this.#placeAtEdge();
    const player = mpegts.createPlayer({ type: "flv", isLive: true, url: this.#url }, CONFIG);
    this.#player = player;
    const { ERROR, LOADING_COMPLETE, METADATA_ARRIVED } = mpegts.Events;
    player.on(METADATA_ARRIVED, (metadata: Metadata) => {
      this.#startsAtMs = metadata.startsAtMs ?? null;
    });
    player.on(ERROR, (_type: string, detail: string) => this.#startAgain(detail));
    // The publisher dropped out, or the broadcast is over: the page hears which from the API.
    player.on(LOADING_COMPLETE, () => {
      // What is still on its way into the buffer is no news.
      this.#heardS = Infinity;
      this.#events.onCut();
      this.#startAgain("the stream ended");
    });
    player.attachMediaElement(this.#video);
    player.load();
    startPlayback(this.#video, this.#events);
  }

  #startAgain(detail: string): void {
    this.#events.onTrouble(detail);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#start(), retryDelayMs(this.#attempt));
    this.#attempt += 1;
  }

  #listen(): void {
    const { buffered } = this.#video;
    const heardS = buffered.length === 0 ? 0 : buffered.end(buffered.length - 1);
    if (heardS <= this.#heardS) return;
    this.#heardS = heardS;
    this.#events.onGrowth({ newest: null, rhythmMs: LISTEN_EVERY_MS });
  }

  /** The server sends everything since the last keyframe at once: live is at the end of that. */
  #placeAtEdge(): void {
    clearInterval(this.#placing);
    let lastS = 0;
    this.#placing = setInterval(() => {
      const toS = this.#livePositionS(TARGET_S);
      if (toS === null) return;
      const isStillComing = toS - lastS > PLACE_EVERY_MS / 1000 * 3;
      lastS = toS;
      if (isStillComing) return;
      clearInterval(this.#placing);
      this.#attempt = 0;
      if (toS - this.#video.currentTime > TARGET_S) this.holder.jumpToLive();
    }, PLACE_EVERY_MS);
  }

  #livePositionS(targetS: number): number | null {
    const { buffered } = this.#video;
    if (buffered.length === 0) return null;
    const last = buffered.length - 1;
    return Math.max(buffered.start(last), buffered.end(last) - targetS);
  }
}
