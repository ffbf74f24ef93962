/**
 * The media element and the player on it: one at a time, live, in real time or of a recording.
 */
import { PictureClock } from "./picture-clock.ts";
import { flvUrl } from "./playback-urls.ts";
import { type Player, type PlayerEvents, retryDelayMs } from "../engine/player.ts";
import type { WatchEvent } from "./watch-facts.ts";

export type Show = {
  readonly playbackUrl: string;
  readonly what: "live" | "realTime" | "recording";
  /** Where a recording begins, in seconds; default 0. */
  readonly startS?: number;
};

export type StageEvents = {
  readonly report: (event: WatchEvent) => void;
  readonly onUnsupported: () => void;
  readonly onSilenced: () => void;
  /** There is another player, or none. */
  readonly onPlayer: (player: Player | null) => void;
  /** What is played needs a media element of its own, which has taken the old one's place. */
  readonly onRenewed: (video: HTMLVideoElement) => void;
};

/** For some minutes. */
const MAX_LOADS = 100;

type Waiting = {
  readonly url: string;
  readonly begin: () => void;
  /** Null: it was dropped before it was made. */
  readonly player: Promise<Player | null>;
  readonly drop: () => void;
};

/** Bundles of their own: a page without a picture needs none of them. */
const loadEngine = () => untilLoaded(() => import("../engine/hls-player.ts"));
const loadRealTimeEngine = () => untilLoaded(() => import("../engine/real-time-player.ts"));

/** A line that is down for a moment is no reason never to play. */
async function untilLoaded<Module>(load: () => Promise<Module>): Promise<Module> {
  for (let attempt = 0; attempt < MAX_LOADS; attempt += 1) {
    try {
      return await load();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs(attempt)));
    }
  }
  return await load();
}

export class Stage {
  readonly #events: StageEvents;
  readonly #playerEvents: PlayerEvents;
  #video: HTMLVideoElement;
  #clock: PictureClock;
  #player: Player | null = null;
  #waiting: Waiting | null = null;
  #show: Show | null = null;
  #isPaused = false;

  constructor(video: HTMLVideoElement, events: StageEvents) {
    this.#events = events;
    const { report, onUnsupported, onSilenced } = events;
    this.#playerEvents = {
      onGrowth: (growth) => report({ kind: "grown", growth }),
      onCut: () => report({ kind: "cut" }),
      onFit: (tooSlow) => report({ kind: "fit", tooSlow }),
      onTrouble: () => {},
      onUnsupported,
      onSilenced,
    };
    this.#video = video;
    this.#clock = this.#listenTo(video);
  }

  get player(): Player | null {
    return this.#player;
  }

  get video(): HTMLVideoElement {
    return this.#video;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** Server time (Unix ms) at which the frame on the screen was taken; null while unknown. */
  takenAtMs(): number | null {
    const { frameTimeS } = this.#clock;
    return frameTimeS === null ? null : this.#player?.takenAtMs(frameTimeS) ?? null;
  }

  async play(show: Show): Promise<void> {
    // What a recording needs, an element that has played live does not have everywhere.
    if (this.#show !== null && show.what === "recording") this.#renew();
    this.#use(null);
    this.#clock.forget();
    this.#show = show;
    // Another load, another choice.
    this.#isPaused = false;
    this.#events.report({ kind: "load", what: show.what === "recording" ? "recording" : "live" });
    const player = await (this.#takeWaiting(show) ?? this.#createPlayer(show));
    if (this.#show === show) this.#use(player);
    else player?.destroy();
  }

  /** The player is there before the broadcast: what it costs to make one is paid while nobody waits. */
  prepare(url: string): void {
    const { promise: begins, resolve: begin } = Promise.withResolvers<void>();
    this.#dropWaiting();
    let isDropped = false;
    // One that comes late takes the element from nobody.
    const player = loadEngine().then(({ playHls }) =>
      isDropped ? null : playHls(this.#video, { url, isLive: true, begins }, this.#playerEvents)
    );
    this.#waiting = { url, begin, player, drop: () => isDropped = true };
  }

  stop(): void {
    this.#dropWaiting();
    this.#use(null);
    this.#show = { playbackUrl: "", what: "live" };
    this.#events.report({ kind: "load", what: "nothing" });
  }

  /** Looks at the picture, and tells what has changed: a few times a second. */
  look(): void {
    const { report } = this.#events;
    const { movedAtMs: before } = this.#clock.movement;
    const { placedAtMs, movedAtMs } = this.#clock.sample();
    if (placedAtMs !== null) report({ kind: "shown" });
    if (movedAtMs !== before) report({ kind: "moved" });
    const { paused: isPaused, ended } = this.#video;
    if (isPaused !== this.#isPaused && !ended) report({ kind: "paused", isPaused });
    this.#isPaused = isPaused;
  }

  destroy(): void {
    this.stop();
    this.#clock.destroy();
  }

  async #createPlayer({ playbackUrl: url, what, startS = 0 }: Show): Promise<Player> {
    if (what === "realTime") {
      const { RealTimePlayer } = await loadRealTimeEngine();
      return new RealTimePlayer(this.#video, flvUrl(url), this.#playerEvents);
    }
    const { playHls } = await loadEngine();
    return playHls(this.#video, { url, isLive: what === "live", startS }, this.#playerEvents);
  }

  /** Lets the player that waits begin; null when there is none for what is to be played. */
  #takeWaiting({ what, playbackUrl }: Show): Promise<Player | null> | null {
    const waiting = this.#waiting;
    if (waiting === null) return null;
    if (what !== "live" || waiting.url !== playbackUrl) {
      this.#dropWaiting();
      return null;
    }
    this.#waiting = null;
    waiting.begin();
    return waiting.player;
  }

  #dropWaiting(): void {
    this.#waiting?.drop();
    void this.#waiting?.player.then((player) => player?.destroy());
    this.#waiting = null;
  }

  #use(player: Player | null): void {
    if (player !== this.#player) this.#player?.destroy();
    this.#player = player;
    this.#events.onPlayer(player);
  }

  #listenTo(video: HTMLVideoElement): PictureClock {
    video.addEventListener("ended", () => this.#events.report({ kind: "playedOut" }));
    return new PictureClock(video);
  }

  #renew(): void {
    this.#use(null);
    this.#clock.destroy();
    const { muted, volume } = this.#video;
    const fresh = this.#video.cloneNode() as HTMLVideoElement;
    fresh.removeAttribute("src");
    this.#video.replaceWith(fresh);
    fresh.muted = muted;
    fresh.volume = volume;
    this.#video = fresh;
    this.#clock = this.#listenTo(fresh);
    this.#events.onRenewed(fresh);
  }
}
