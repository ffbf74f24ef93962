/**
 * One viewer's watching of one video: waits for the broadcast, plays it close to its live edge or in
 * real time, and knows what is to be said when there is no picture.
 */
import type { PlayerWords } from "../../words/player/en.ts";
import { askNewest } from "./ask-newest.ts";
import { askForParts } from "../engine/early-playlist.ts";
import type { Player } from "../engine/player.ts";
import { readAhead } from "../engine/read-ahead.ts";
import { waitForStart } from "./start-wait.ts";
import { ServerClock } from "./server-clock.ts";
import { Stage } from "./stage.ts";
import { isQuestionDue, noFacts, noteEvent, type WatchEvent } from "./watch-facts.ts";
import { type Screen, screenOf } from "./watch-screen.ts";

export type VideoStatus = "CREATED" | "RUNNING" | "ENDED";

export type SessionOptions = {
  readonly video: HTMLVideoElement;
  /** The multivariant playlist. */
  readonly playbackUrl: string;
  /** As far as the page knows; null: the playback server is asked. */
  readonly status: VideoStatus | null;
  readonly isRealTime: boolean;
  /** Nothing is loaded, and nobody asked how far an unknown video is, before `begin()`. */
  readonly isHeld: boolean;
  /** Where a recording begins, in seconds. */
  readonly startS: number;
  readonly words: PlayerWords;
  /** What is to be seen, a few times a second. */
  readonly onScreen: (screen: Screen) => void;
  readonly onPlayer: (player: Player | null) => void;
  readonly onRenewed: (video: HTMLVideoElement) => void;
  /** The browser allows no sound by itself. */
  readonly onSilenced: () => void;
};

const LOOK_MS = 250;
const FIRST_QUESTION_MS = 2000;

export class WatchSession {
  readonly #options: SessionOptions;
  readonly #stage: Stage;
  readonly #serverClock: ServerClock;
  readonly #looking: ReturnType<typeof setInterval>;
  readonly #listeners = new AbortController();
  #facts;
  #isRealTime: boolean;
  #isAsking = false;
  #isWaitingForStart = false;
  #isDestroyed = false;

  constructor(options: SessionOptions) {
    const { playbackUrl, onPlayer, onRenewed, onSilenced, words } = options;
    this.#options = options;
    this.#isRealTime = options.isRealTime;
    this.#serverClock = new ServerClock(new URL("../livez", playbackUrl).href);
    this.#stage = new Stage(options.video, {
      report: (event) => this.#note(event),
      onUnsupported: () => this.#note({ kind: "failed", words: words.states.unsupported }),
      onPlayer,
      onRenewed,
      onSilenced,
    });
    this.#facts = noFacts(this.#stage.nowMs());
    if (options.isHeld) this.#note({ kind: "held", isHeld: true });
    const { signal } = this.#listeners;
    document.addEventListener("visibilitychange", () => this.#noteVisibility(), { signal });
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
    if (!options.isHeld) this.#serverClock.start();
    if (options.status !== null) this.become(options.status);
    else if (!options.isHeld) void this.#askStatus();
  }

  get isRealTime(): boolean {
    return this.#isRealTime;
  }

  get player(): Player | null {
    return this.#stage.player;
  }

  /** The viewer wants to see it. */
  begin(): void {
    if (!this.#facts.isHeld) return;
    this.#note({ kind: "held", isHeld: false });
    this.#serverClock.start();
    if (this.#facts.video === null) void this.#askStatus();
    else if (this.#facts.video === "RUNNING") this.#playLive();
    else if (this.#facts.video === "ENDED") this.playRecording();
    this.#update();
  }

  /** Acts on a change of the video's status; a broadcast that ends is played out first. */
  become(next: VideoStatus): void {
    const before = this.#facts.video;
    if (next === "CREATED" && before === "RUNNING") return;
    this.#note({ kind: "video", status: next });
    if (next !== before) this.#follow(before, next);
    this.#update();
  }

  /** There is nothing to watch (any more). `words`: why; null: nobody knows. */
  remove(words: string | null): void {
    this.#stage.stop();
    this.#note({ kind: "removed", words: words ?? this.#options.words.states.removed });
    this.#update();
  }

  playRecording(): void {
    const { playbackUrl, startS } = this.#options;
    void this.#stage.play({ playbackUrl, what: "recording", startS });
  }

  setRealTime(isRealTime: boolean): void {
    if (isRealTime === this.#isRealTime) return;
    this.#isRealTime = isRealTime;
    if (this.#facts.plays === "live" && this.#facts.video === "RUNNING") this.#playLive();
    this.#update();
  }

  goToLive(): void {
    this.#stage.player?.holder?.jumpToLive();
    // Who has paused wants the picture to move.
    if (this.#stage.video.paused) void this.#stage.video.play().catch(() => {});
  }

  destroy(): void {
    this.#isDestroyed = true;
    clearInterval(this.#looking);
    this.#serverClock.destroy();
    this.#listeners.abort();
    this.#stage.destroy();
  }

  #follow(before: VideoStatus | null, next: VideoStatus): void {
    if (next === "CREATED") void this.#waitForStart();
    else if (next === "RUNNING") this.#playLive();
    else if (before === "RUNNING") {
      // It has shown all there was, and would only go on asking for more.
      if (this.#isRealTime) this.#stage.stop();
      this.#isRealTime = false;
    } else if (!this.#facts.isHeld) this.playRecording();
  }

  #playLive(): void {
    if (this.#facts.isHeld) return;
    const what = this.#isRealTime ? "realTime" : "live";
    void this.#stage.play({ playbackUrl: this.#options.playbackUrl, what });
  }

  #note(event: WatchEvent): void {
    this.#facts = noteEvent(this.#facts, event, this.#stage.nowMs());
    // What was cut short is over, or goes on under other addresses.
    if (event.kind === "cut" && this.#facts.plays === "live") void this.#ask(true);
  }

  #noteVisibility(): void {
    this.#note({ kind: "hidden", isHidden: document.hidden });
  }

  /** What there is to know and to say, a few times a second. */
  #look(): void {
    this.#stage.look();
    const takenAtMs = this.#stage.takenAtMs();
    const serverMs = this.#serverClock.nowMs();
    const ageS = takenAtMs === null || serverMs === null
      ? null
      : Math.max(0, serverMs - takenAtMs) / 1000;
    this.#note({ kind: "age", ageS, usualS: this.#stage.player?.holder?.targetS ?? null });
    if (isQuestionDue(this.#facts, this.#stage.nowMs())) void this.#ask(false);
    this.#update();
  }

  #update(): void {
    if (this.#isDestroyed) return;
    this.#options.onScreen(screenOf(this.#facts, this.#stage.nowMs(), this.#options.words));
  }

  /** Asks how far the broadcast is; `isAnew`: by its first address, which tells whether it is over. */
  async #ask(isAnew: boolean): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#note({ kind: "asked" });
    const nowMs = () => this.#stage.nowMs();
    const playlistUrl = isAnew ? null : this.#stage.player?.playlistUrl ?? null;
    const answer =
      await (playlistUrl === null
        ? askNewest(this.#options.playbackUrl, true, nowMs)
        : askNewest(askForParts(playlistUrl), false, nowMs));
    this.#isAsking = false;
    if (this.#isDestroyed) return;
    this.#note({ kind: "answer", answer });
    if (answer?.growth === "over") {
      // A playlist of another epoch ends with its publisher; the video goes on in the next.
      if (playlistUrl === null) this.become("ENDED");
      else await this.#ask(true);
    }
    this.#update();
  }

  async #askStatus(): Promise<void> {
    while (this.#facts.video === null && !this.#isDestroyed) {
      const { playbackUrl } = this.#options;
      const answer = await askNewest(playbackUrl, true, () => this.#stage.nowMs());
      if (this.#isDestroyed || this.#facts.video !== null) return;
      if (answer?.isForeign === true) return this.#fail();
      if (answer?.growth === "over") return this.become("ENDED");
      if (answer?.growth !== null && answer !== null) return this.become("RUNNING");
      if (answer?.isMissing === true) return this.become("CREATED");
      this.#note({ kind: "unanswered" });
      await sleep(FIRST_QUESTION_MS);
    }
  }

  async #waitForStart(): Promise<void> {
    const { playbackUrl } = this.#options;
    if (this.#isWaitingForStart) return;
    this.#isWaitingForStart = true;
    const started = await waitForStart(playbackUrl, this.#listeners.signal, {
      onExpected: () => {
        if (this.#isWaiting && !this.#facts.isHeld) this.#stage.prepare(playbackUrl);
      },
      onAnswered: (isAnswered) => {
        if (!this.#isWaiting) return;
        this.#note(isAnswered ? { kind: "video", status: "CREATED" } : { kind: "unanswered" });
      },
    });
    this.#isWaitingForStart = false;
    if (started === null || !this.#isWaiting) return;
    if (started.what === "foreign") return this.#fail();
    if (started.what === "RUNNING" && started.text !== null) {
      // The player asks for itself.
      readAhead(playbackUrl, Promise.resolve(started.text)).catch(() => {});
    }
    this.become(started.what);
  }

  /** What is there is nothing that plays. */
  #fail(): void {
    this.#stage.stop();
    this.#note({ kind: "failed", words: this.#options.words.states.failed });
    this.#update();
  }

  get #isWaiting(): boolean {
    const { video, failure } = this.#facts;
    return video === "CREATED" && failure === null && !this.#isDestroyed;
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
