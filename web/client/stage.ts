/**
 * The page's media element and the player on it: one at a time, live, in real time or of a recording.
 */
import { playHls } from "../player/hls-player.ts";
import { PictureClock } from "../player/picture-clock.ts";
import type { Player, PlayerEvents } from "../player/player.ts";
import type { WatchEvent } from "../player/watch-facts.ts";

export type Show = {
  readonly playbackUrl: string;
  readonly what: "live" | "realTime" | "recording";
};

type Waiting = { readonly player: Player; readonly url: string; readonly begin: () => void };

export class Stage {
  readonly #report: (event: WatchEvent) => void;
  readonly #events: PlayerEvents;
  #video: HTMLVideoElement;
  #clock: PictureClock;
  #player: Player | null = null;
  #waiting: Waiting | null = null;
  #show: Show | null = null;
  #isPaused = false;

  constructor(video: HTMLVideoElement, report: (event: WatchEvent) => void) {
    this.#report = report;
    this.#events = {
      onGrowth: (growth) => report({ kind: "grown", growth }),
      onCut: () => report({ kind: "cut" }),
      onFit: (isTooSlow) => report({ kind: "fit", isTooSlow }),
      onTrouble: () => {},
      onUnsupported: () => report({ kind: "failed", words: "This browser cannot play HLS video." }),
    };
    this.#video = video;
    this.#clock = this.#listenTo(video);
  }

  get player(): Player | null {
    return this.#player;
  }

  get isEmpty(): boolean {
    return this.#player === null && this.#waiting === null;
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
    // Browsers let nothing else begin by itself; later on it is the viewer's choice.
    if (this.#show === null) this.#video.muted = true;
    // What a recording needs, an element that has played live does not have everywhere.
    else if (show.what === "recording") this.#renew();
    this.#player?.destroy();
    this.#player = null;
    this.#clock.forget();
    this.#show = show;
    this.#report({ kind: "load", what: show.what === "recording" ? "recording" : "live" });
    if (this.#beginWaiting(show)) return;
    const { playbackUrl: url, what } = show;
    if (what !== "realTime") {
      this.#player = playHls(this.#video, { url, isLive: what === "live" }, this.#events);
      return;
    }
    // A bundle of its own: most viewers never need it.
    const { RealTimePlayer } = await import("../player/real-time-player.ts");
    if (this.#show !== show) return;
    this.#player = new RealTimePlayer(this.#video, url.replace(/\.m3u8$/, ".flv"), this.#events);
  }

  /** The player is there before the broadcast: what it costs to make one is paid while nobody waits. */
  prepare(url: string): void {
    const { promise: begins, resolve: begin } = Promise.withResolvers<void>();
    this.#waiting?.player.destroy();
    const player = playHls(this.#video, { url, isLive: true, begins }, this.#events);
    this.#waiting = { url, begin, player };
  }

  stop(): void {
    this.#player?.destroy();
    this.#player = null;
    this.#show = { playbackUrl: "", what: "live" };
    this.#report({ kind: "load", what: "nothing" });
  }

  /** Looks at the picture, and tells what has changed: a few times a second. */
  look(): void {
    const { movedAtMs: before } = this.#clock.movement;
    const { placedAtMs, movedAtMs } = this.#clock.sample();
    if (placedAtMs !== null) this.#report({ kind: "shown" });
    if (movedAtMs !== before) this.#report({ kind: "moved" });
    const { paused: isPaused, ended } = this.#video;
    if (isPaused !== this.#isPaused && !ended) this.#report({ kind: "paused", isPaused });
    this.#isPaused = isPaused;
  }

  /** Lets the player that waits begin; false when there is none for what is to be played. */
  #beginWaiting({ what, playbackUrl }: Show): boolean {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) return false;
    if (what !== "live" || waiting.url !== playbackUrl) {
      waiting.player.destroy();
      return false;
    }
    this.#player = waiting.player;
    waiting.begin();
    return true;
  }

  #listenTo(video: HTMLVideoElement): PictureClock {
    video.addEventListener("ended", () => this.#report({ kind: "playedOut" }));
    return new PictureClock(video);
  }

  #renew(): void {
    this.#player?.destroy();
    this.#player = null;
    this.#clock.destroy();
    const { muted, volume } = this.#video;
    const fresh = this.#video.cloneNode() as HTMLVideoElement;
    this.#video.replaceWith(fresh);
    fresh.muted = muted;
    fresh.volume = volume;
    this.#video = fresh;
    this.#clock = this.#listenTo(fresh);
  }
}
