/**
 * The controls, and what they do to the player. A bundle of its own, since media-chrome's elements keep a
 * browser busy for as long as a first picture takes.
 */
import { setLanguage } from "media-chrome/dist/utils/i18n.js";
import type { PlayerWords } from "../../words/player/en.ts";
import { playbackUrlOf } from "../watching/playback-urls.ts";
import type { Player } from "../engine/player.ts";
import type { Screen } from "../watching/watch-screen.ts";
import type { WatchSession } from "../watching/watch-session.ts";
import { mendBackButtons } from "./back-buttons.ts";
import { rememberCaptions } from "./caption-choice.ts";
import { type ControlTree, createControlTree } from "./control-tree.ts";
import css from "./controls.css" with { type: "text" };
import { toggleFullscreen } from "./fullscreen.ts";
import { pressKey } from "./key-presses.ts";
import { unmute } from "./loudness.ts";
import { keepPreferences } from "./preferences.ts";
import { RenditionList } from "./renditions.ts";
import { sheetOf } from "./shadow.ts";
import { type LiveTimeline, Storyboard } from "./storyboard.ts";
import { writeText } from "./write-text.ts";

export type ControlOptions = {
  readonly host: HTMLElement;
  /** What it holds makes room. */
  readonly root: ShadowRoot;
  readonly words: PlayerWords;
  /** BCP 47. */
  readonly language: string;
  readonly session: () => WatchSession | null;
};

export type Dress = { readonly poster: string | null; readonly storyboard: string | null };

/** media-chrome reads these of a media element that knows more than a plain one. */
type KnowingVideo = HTMLVideoElement & {
  streamType?: "live" | "on-demand";
  targetLiveWindow?: number;
  readonly liveEdgeStart?: number;
  videoRenditions?: RenditionList;
};

/** A distance below it is that of live. */
const SHOWN_DISTANCE_S = 3;

export class Controls {
  readonly #options: ControlOptions;
  readonly #tree: ControlTree;
  readonly #renditions = new RenditionList();
  readonly #storyboard = new Storyboard();
  #storyboardUrl: string | null = null;
  #video: KnowingVideo | null = null;
  #streamType: "live" | "on-demand" = "live";
  #isInviting = false;
  readonly #liveTimeline: LiveTimeline;

  constructor(options: ControlOptions) {
    const { host, root, words, language } = options;
    this.#options = options;
    setLanguage(language);
    this.#tree = createControlTree(words);
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheetOf(css)];
    root.replaceChildren(this.#tree.controller);
    mendBackButtons(this.#tree.controller);
    // All of it, words and picture, fills the screen.
    Object.assign(this.#tree.controller, { fullscreenElement: host });
    this.#liveTimeline = {
      playbackUrl: () => playbackUrlOf(host.getAttribute("src") ?? "", document.baseURI) ?? "",
      zeroMs: () => this.#zeroMs(),
    };
    this.#listen();
  }

  /** `video` is what is played on from now on. */
  use(video: HTMLVideoElement): void {
    const known: KnowingVideo = video;
    this.#video = known;
    this.#storyboard.use(video);
    rememberCaptions(video);
    known.videoRenditions = this.#renditions;
    known.targetLiveWindow = Infinity;
    Object.defineProperty(known, "liveEdgeStart", {
      configurable: true,
      get: () => this.#isAtLive() ? 0 : Infinity,
    });
    video.addEventListener("volumechange", () => this.#noteLoudness());
    this.#tell();
  }

  follow(player: Player | null): void {
    this.#renditions.follow(player?.choice ?? null);
  }

  show(screen: Screen): void {
    const { isLive } = screen;
    const streamType = isLive ? "live" : "on-demand";
    if (streamType !== this.#streamType) {
      this.#streamType = streamType;
      this.#tell();
    }
    this.#storyboard.follow(this.#storyboardUrl, isLive ? this.#liveTimeline : null);
    const { back, distance, invitation, latencyMenu } = this.#tree;
    invitation.hidden = !this.#isInviting || screen.isCovering;
    const { backToLive } = this.#options.words;
    back.hidden = !screen.isWayBack;
    writeText(back, screen.isWayBack ? `${screen.badge} · ${backToLive}` : "");
    writeText(distance, distanceOf(screen.ageS));
    const latency = this.#options.session()?.isRealTime === true ? "real-time" : "low";
    if (latencyMenu.getAttribute("data-value") !== latency) this.#checkLatency(latency);
    // What does not apply is passed over by the arrow keys.
    for (
      const [name, applies] of Object.entries({
        quality: latency === "low" || !isLive,
        latency: isLive,
        speed: !isLive,
      })
    ) this.#tree.controller.querySelector(`.${name}`)?.toggleAttribute("disabled", !applies);
  }

  /** Pictures of what is to come: URLs, or null. */
  dress({ poster, storyboard }: Dress): void {
    if (poster === null) this.#tree.poster.removeAttribute("src");
    else this.#tree.poster.setAttribute("src", poster);
    this.#storyboardUrl = storyboard;
  }

  /** Offers the sound, until it is on or turned down. */
  invite(): void {
    this.#isInviting = true;
    this.#noteLoudness();
  }

  /** Whether the key was ours. */
  press(event: KeyboardEvent): boolean {
    const { controller, help } = this.#tree;
    const session = this.#options.session();
    if (this.#video === null || session === null) return false;
    // Whoever opened it from the page is not in it.
    if (event.key === "Escape" && help.open) {
      help.close();
      return true;
    }
    return pressKey(event, {
      video: this.#video,
      controller,
      toggleFullscreen: () => toggleFullscreen(this.#options.host),
      isLive: this.#streamType === "live",
      goToLive: () => session.goToLive(),
      toggleHelp: () => help.open ? help.close() : help.showModal(),
    });
  }

  #listen(): void {
    const { bar, back, invitation, latencyMenu, controller, timeRange, help } = this.#tree;
    const goToLive = () => this.#options.session()?.goToLive();
    back.addEventListener("click", goToLive);
    help.addEventListener("click", () => help.close());
    // What the controller would do leads to where the stream ends, not to where it is held.
    bar.addEventListener("mediaseektoliverequest", (event) => {
      event.stopPropagation();
      goToLive();
    });
    this.#listenForFullscreen(bar);
    invitation.addEventListener("click", () => {
      if (this.#video !== null) unmute(this.#video);
      this.#noteLoudness();
    });
    latencyMenu.addEventListener("change", () => {
      const { value } = latencyMenu as HTMLElement & { readonly value?: string };
      this.#options.session()?.setRealTime(value === "real-time");
    });
    for (const name of ["pointerenter", "pointermove", "focusin"]) {
      timeRange.addEventListener(name, (event) => this.#showPictures(event));
    }
    controller.addEventListener("keydown", (event) => {
      if (!event.defaultPrevented && this.press(event)) event.preventDefault();
    });
  }

  /** What comes while the pointer rests is shown as if it had moved. */
  #showPictures(event: Event): void {
    const { timeRange } = this.#tree;
    this.#storyboard.refresh(() => {
      if (!(event instanceof PointerEvent)) return;
      const { clientX, clientY, pointerType } = event;
      timeRange.dispatchEvent(
        new PointerEvent("pointermove", { clientX, clientY, pointerType, composed: true }),
      );
    });
  }

  /** The controller knows neither closed shadow trees nor all the elements that can be around it. */
  #listenForFullscreen(bar: HTMLElement): void {
    const { host } = this.#options;
    const { fullscreen } = this.#tree;
    for (const name of ["mediaenterfullscreenrequest", "mediaexitfullscreenrequest"]) {
      bar.addEventListener(name, (event) => {
        event.stopPropagation();
        toggleFullscreen(host);
      });
    }
    host.addEventListener("fullscreenchange", () => {
      fullscreen.toggleAttribute("mediaisfullscreen", host.matches(":fullscreen"));
    });
  }

  #tell(): void {
    const video = this.#video;
    if (video === null) return;
    video.streamType = this.#streamType;
    for (const name of ["streamtypechange", "targetlivewindowchange"]) {
      video.dispatchEvent(new Event(name));
    }
  }

  #zeroMs(): number | null {
    const timeS = this.#video?.currentTime ?? 0;
    const takenAtMs = this.#options.session()?.player?.takenAtMs(timeS) ?? null;
    return takenAtMs === null ? null : takenAtMs - timeS * 1000;
  }

  #isAtLive(): boolean {
    return this.#options.session()?.player?.holder?.isAtLive ?? true;
  }

  #checkLatency(latency: string): void {
    const { latencyMenu } = this.#tree;
    latencyMenu.setAttribute("data-value", latency);
    Object.assign(latencyMenu, { value: latency });
    for (const item of latencyMenu.querySelectorAll("media-chrome-menu-item")) {
      item.toggleAttribute("checked", item.getAttribute("value") === latency);
    }
  }

  #noteLoudness(): void {
    const video = this.#video;
    if (video === null) return;
    const { muted: isMuted, volume } = video;
    if (!isMuted) this.#isInviting = false;
    if (!this.#isInviting) this.#tree.invitation.hidden = true;
    if (this.#isInviting) return;
    // Nobody means to hear nothing for ever.
    keepPreferences(volume === 0 ? { isMuted: true } : { volume, isMuted });
  }
}

/** "−0:22"; nothing near live. */
function distanceOf(ageS: number | null): string {
  if (ageS === null || ageS < SHOWN_DISTANCE_S) return "";
  const seconds = Math.round(ageS);
  const parts = seconds < 3600
    ? [Math.floor(seconds / 60), seconds % 60]
    : [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const [first = 0, ...rest] = parts;
  const time = [first, ...rest.map((part) => String(part).padStart(2, "0"))].join(":");
  return `−${time}`;
}
