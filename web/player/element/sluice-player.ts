/**
 * `<sluice-player src="https://h/hls-live/<url>.m3u8">`: plays a video of Sluice, live and recorded, in
 * anybody's page. Defines the element; nothing of it is global.
 *
 * Attributes: `src` (the multivariant playlist), `latency` (`low`, or `real-time`: less than half a
 * second behind, in one quality, without rewinding), `autoplay`, `muted`, `controls`, `poster` (a
 * picture's URL), `storyboard` (a WebVTT file's URL; a live broadcast's is found by itself), `start`
 * (where a recording begins, in seconds), `loop`, `status` (`CREATED`, `RUNNING` or `ENDED`, where the page knows it already) and `lang`, here or further out.
 *
 * Events, none of which bubbles: `live`, `behind` (`detail.seconds`), `ended`, `error` (`detail.state`,
 * `detail.message`), `rendition` (`detail`: width, height, bitrateBps), `restart` (another media element
 * plays on) and, each time what is shown or said changes, `screen` (`detail`: a `Screen`).
 *
 * Children: a `<video slot="media">`, and a `<div slot="notice">` with a `p` and a `button`, are used where
 * the page brings them along.
 */
import type { PlayerWords } from "../../words/player/en.ts";
import { playerWords } from "../../words/player/words.ts";
import { playbackUrlOf } from "../watching/playback-urls.ts";
import type { Player, Rendition, RenditionChoice } from "../engine/player.ts";
import { noFacts, noteEvent } from "../watching/watch-facts.ts";
import { type Screen, screenOf } from "../watching/watch-screen.ts";
import { type VideoStatus, WatchSession } from "../watching/watch-session.ts";
import type { Controls } from "./controls.ts";
import { readPreferences } from "./preferences.ts";
import { reflectAttributes, type Reflected, takeEarlyProperties } from "./reflected.ts";
import { Notice } from "./notice.ts";
import { createShadow, type PlayerShadow } from "./shadow.ts";
import { eventsOf } from "./state-events.ts";

/** The controls come by then, picture or not. */
const CONTROLS_PATIENCE_MS = 3000;

export class SluicePlayer extends HTMLElement {
  static readonly observedAttributes = [
    "muted",
    "src",
    "latency",
    "poster",
    "storyboard",
    "status",
  ];

  // Each stands for the attribute of its name.
  declare src: Reflected["src"];
  declare latency: Reflected["latency"];
  declare poster: Reflected["poster"];
  declare storyboard: Reflected["storyboard"];
  declare status: Reflected["status"];
  declare start: Reflected["start"];
  declare autoplay: Reflected["autoplay"];
  declare muted: Reflected["muted"];
  declare controls: Reflected["controls"];
  declare loop: Reflected["loop"];
  readonly #shadow: PlayerShadow;
  #session: WatchSession | null = null;
  #controls: Controls | null = null;
  #notice: Notice | null = null;
  #video: HTMLVideoElement | null = null;
  #screen: Screen | null = null;
  #controlsDue: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.#shadow = createShadow(this);
    takeEarlyProperties(this);
  }

  /** What is to be seen and said; null while there is nothing to play. */
  get screen(): Screen | null {
    return this.#screen;
  }

  /** The media element; a recording after a live has one of its own. */
  get video(): HTMLVideoElement | null {
    return this.#video;
  }

  get isRealTime(): boolean {
    return this.#session?.isRealTime ?? false;
  }

  /** Whether the picture is as close to live as it is to be; null: it is not live. */
  get isAtLive(): boolean | null {
    return this.#session?.player?.holder?.isAtLive ?? null;
  }

  connectedCallback(): void {
    if (this.#video === null) this.#listenTo(this.#video = this.#findVideo());
    this.#notice ??= new Notice(this, this.#words, () => this.playRecording());
    this.#begin();
  }

  disconnectedCallback(): void {
    // Who only moves it has connected it again by then.
    queueMicrotask(() => {
      if (!this.isConnected) this.#end();
    });
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now || !this.isConnected || this.#video === null) return;
    switch (name) {
      case "src":
        this.#end();
        return this.#begin();
      case "latency":
        return this.#session?.setRealTime(now === "real-time");
      case "muted":
        this.#video.muted = now !== null;
        return;
      case "status":
        return isStatus(now) ? this.#session?.become(now) : undefined;
      default:
        return this.#dress();
    }
  }

  /** Starts what is not to start by itself, or goes on. @throws DOMException where the browser refuses */
  async play(): Promise<void> {
    this.#session?.begin();
    await this.#video?.play();
  }

  pause(): void {
    this.#video?.pause();
  }

  goToLive(): void {
    this.#session?.goToLive();
  }

  playRecording(): void {
    this.#session?.playRecording();
  }

  /** There is nothing to watch any more; `words` say why. */
  take(words: string): void {
    this.#session?.remove(words);
  }

  /** Does what the event's key is for; false: it is not one of a player's. */
  press(event: KeyboardEvent): boolean {
    return this.#controls?.press(event) ?? false;
  }

  get #words(): PlayerWords {
    return playerWords(this.#language);
  }

  get #language(): string {
    return languageOf(this);
  }

  #begin(): void {
    const src = this.getAttribute("src") ?? "";
    const video = this.#video;
    if (this.#session !== null || video === null || src === "") return;
    const playbackUrl = playbackUrlOf(src, document.baseURI);
    if (playbackUrl === null) return this.#refuse();
    const isHeld = !this.hasAttribute("autoplay");
    const status = this.getAttribute("status");
    this.#setLoudness(video);
    video.loop = this.hasAttribute("loop");
    // The browser is not to load by itself what we load.
    video.removeAttribute("src");
    video.removeAttribute("controls");
    this.#session = new WatchSession({
      video,
      playbackUrl,
      status: isStatus(status) ? status : null,
      isRealTime: this.getAttribute("latency") === "real-time",
      isHeld,
      startS: Number(this.getAttribute("start") ?? 0) || 0,
      words: this.#words,
      onScreen: (screen) => this.#show(screen),
      onPlayer: (player) => this.#follow(player),
      onRenewed: (fresh) => this.#use(fresh),
      onSilenced: () => this.#controls?.invite(),
    });
  }

  /** What `src` says is no address. */
  #refuse(): void {
    const failure = this.#words.states.failed;
    const facts = noteEvent(noFacts(0), { kind: "failed", words: failure }, 0);
    this.#show(screenOf(facts, 0, this.#words));
  }

  #end(): void {
    clearTimeout(this.#controlsDue);
    this.#controlsDue = undefined;
    this.#session?.destroy();
    this.#session = null;
    this.#screen = null;
    this.#notice?.hide();
  }

  #findVideo(): HTMLVideoElement {
    const { frame } = this.#shadow;
    const brought = this.querySelector<HTMLVideoElement>(":scope > video");
    const video = brought ?? document.createElement("video");
    video.slot = "media";
    video.playsInline = true;
    // A page that is rendered elsewhere first finds its own tree as it was.
    const place = brought === null ? video : document.createElement("slot");
    if (place instanceof HTMLSlotElement) {
      place.name = place.slot = "media";
      place.addEventListener("slotchange", () => this.#noteSlot(place));
    }
    frame.replaceChildren(place);
    return video;
  }

  /** Whoever empties this element takes the picture's place along: it gets another. */
  #noteSlot(slot: HTMLSlotElement): void {
    if (!slot.isConnected || slot.assignedElements().length > 0 || this.#session === null) return;
    this.#end();
    this.#use(this.#findVideo());
    this.#begin();
  }

  #setLoudness(video: HTMLVideoElement): void {
    const { isMuted, volume } = readPreferences();
    video.muted = this.hasAttribute("muted") && isMuted !== false;
    video.volume = volume ?? video.volume;
  }

  #listenTo(video: HTMLVideoElement): void {
    video.addEventListener("play", () => this.#session?.begin());
    video.addEventListener("playing", () => this.#loadControls(), { once: true });
  }

  #use(video: HTMLVideoElement): void {
    this.#video = video;
    this.#listenTo(video);
    this.#controls?.use(video);
    this.dispatchEvent(new CustomEvent("restart"));
  }

  #show(screen: Screen): void {
    const before = this.#screen;
    this.#screen = screen;
    const { isLive, isHeld } = screen;
    const { frame } = this.#shadow;
    frame.toggleAttribute("data-held", isHeld);
    frame.dataset["latency"] = this.isRealTime && isLive ? "real-time" : "low";
    frame.toggleAttribute("data-said", screen.words !== null);
    frame.toggleAttribute("controls", this.controls);
    frame.dataset["plays"] = isLive ? "live" : "recording";
    this.#notice?.show(screen);
    this.#loadControlsInTime(screen);
    this.#controls?.show(screen);
    for (const event of eventsOf(before, screen)) this.dispatchEvent(event);
  }

  #follow(player: Player | null): void {
    const choice = player?.choice ?? null;
    choice?.onListed((renditions) => chooseAsBefore(choice, renditions));
    choice?.onPlayed((rendition) =>
      this.dispatchEvent(new CustomEvent("rendition", { detail: rendition }))
    );
    this.#controls?.follow(player);
  }

  /** Not before there is something to control; and they keep a browser busy for as long as a picture takes. */
  #loadControlsInTime({ state, plays }: Screen): void {
    if (this.#controlsDue !== undefined || state === "waiting") return;
    const isStarting = state === "joining" && plays !== "nothing";
    const afterMs = isStarting ? CONTROLS_PATIENCE_MS : 0;
    this.#controlsDue = setTimeout(() => this.#loadControls(), afterMs);
  }

  #loadControls(): void {
    if (this.#controls !== null) return;
    // Without them the picture still plays.
    void this.#createControls().catch(() => {});
  }

  async #createControls(): Promise<void> {
    const language = this.#language;
    const [{ Controls: Created }] = await Promise.all([
      import("./controls.ts"),
      // What media-chrome says by itself.
      language.toLowerCase().startsWith("de") ? import("media-chrome/dist/lang/de.js") : null,
    ]);
    if (this.#controls !== null || this.#video === null) return;
    this.#controls = new Created({
      host: this,
      root: this.#shadow.frameRoot,
      words: this.#words,
      language,
      session: () => this.#session,
    });
    this.#controls.use(this.#video);
    this.#controls.follow(this.#session?.player ?? null);
    this.#dress();
    if (this.#video.muted && this.hasAttribute("autoplay")) this.#controls.invite();
  }

  #dress(): void {
    this.#controls?.dress({
      poster: this.getAttribute("poster"),
      storyboard: this.getAttribute("storyboard"),
    });
  }
}

function chooseAsBefore(choice: RenditionChoice, renditions: readonly Rendition[]): void {
  const { heightPx } = readPreferences();
  const index = renditions.findIndex(({ height }) => height === heightPx);
  if (index !== -1) choice.choose(index);
}

function isStatus(text: string | null): text is VideoStatus {
  return text === "CREATED" || text === "RUNNING" || text === "ENDED";
}

/** The nearest, out of shadow trees as well. */
function languageOf(element: Element): string {
  const near = element.closest<HTMLElement>("[lang]")?.lang;
  const root = element.getRootNode();
  return near ?? (root instanceof ShadowRoot ? languageOf(root.host) : "en");
}

reflectAttributes(SluicePlayer.prototype);
// A page may load it twice, or in two versions.
if (customElements.get("sluice-player") === undefined) {
  customElements.define("sluice-player", SluicePlayer);
}
