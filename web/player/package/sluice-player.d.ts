/**
 * `<sluice-player>`: plays a video of Sluice, live and recorded. To import the module defines the element.
 */

/** What a viewer watches, or why there is nothing to watch. */
export type WatchState =
  | "waiting"
  | "joining"
  | "live"
  | "behind"
  | "stalled"
  | "reconnecting"
  | "encoderGone"
  | "tooSlow"
  | "ended"
  | "recording"
  | "removed"
  | "failed";

/** What a viewer reads and can press. */
export type Screen = {
  readonly state: WatchState;
  readonly plays: "nothing" | "live" | "recording";
  readonly isLive: boolean;
  /** Nothing is loaded before the viewer plays it. */
  readonly isHeld: boolean;
  /** Null: the picture says enough. */
  readonly words: string | null;
  /** The words take the picture's place; otherwise they stand at its edge. */
  readonly isCovering: boolean;
  readonly action: "playRecording" | null;
  readonly badge: string;
  /** The badge is the way back to live. */
  readonly isWayBack: boolean;
  /** Age of the picture in seconds; null: there is nothing to say about it. */
  readonly ageS: number | null;
};

export type Rendition = {
  readonly width: number;
  readonly height: number;
  readonly bitrateBps: number;
};

/** None of them bubbles. */
export type SluicePlayerEventMap = {
  /** The picture is live, or is again. */
  readonly live: CustomEvent<null>;
  /** The picture is from an earlier moment of the broadcast. */
  readonly behind: CustomEvent<{ readonly seconds: number | null }>;
  /** The broadcast is over. */
  readonly ended: CustomEvent<null>;
  /** Nothing will play: the browser cannot, `src` leads to no playlist, or the video was removed. */
  readonly error: CustomEvent<
    { readonly state: "failed" | "removed"; readonly message: string | null }
  >;
  /** Another rendition is played. */
  readonly rendition: CustomEvent<Rendition>;
  /** Another media element plays on: `video` is a new one. */
  readonly restart: CustomEvent<null>;
  /** What is shown or said has changed. */
  readonly screen: CustomEvent<Screen>;
};

export type SluicePlayerAttributes = {
  /** The multivariant playlist: `https://h/hls-live/<url>.m3u8`. */
  readonly src?: string;
  /** Default `low`; `real-time`: less than half a second behind, in one quality, without rewinding. */
  readonly latency?: "low" | "real-time";
  /** Starts by itself; without it nothing is loaded before the viewer plays it. */
  readonly autoplay?: boolean;
  readonly muted?: boolean;
  readonly controls?: boolean;
  /** Plays a recording again when it is over. */
  readonly loop?: boolean;
  /** Where a recording begins, in seconds. */
  readonly start?: number | string;
  /** URL of a picture for the time before the first one. */
  readonly poster?: string;
  /** URL of a WebVTT file with pictures along the seek bar. */
  readonly storyboard?: string;
  /** Where the page knows it already; else the playback server is asked. */
  readonly status?: "CREATED" | "RUNNING" | "ENDED";
};

export class SluicePlayer extends HTMLElement {
  /** Each stands for the attribute of its name. */
  src: string | null;
  latency: string | null;
  poster: string | null;
  storyboard: string | null;
  status: string | null;
  start: string | null;
  autoplay: boolean;
  muted: boolean;
  controls: boolean;
  loop: boolean;
  /** What is to be seen and said; null while there is nothing to play. */
  get screen(): Screen | null;
  /** The media element; a recording after a live has one of its own. */
  get video(): HTMLVideoElement | null;
  get isRealTime(): boolean;
  /** Whether the picture is as close to live as it is to be; null: it is not live. */
  get isAtLive(): boolean | null;
  /** Starts what does not start by itself, or goes on. @throws DOMException where the browser refuses */
  play(): Promise<void>;
  pause(): void;
  goToLive(): void;
  playRecording(): void;
  /** There is nothing to watch any more; `words` say why. */
  take(words: string): void;
  /** Does what the event's key is for; false: it is not one of a player's. */
  press(event: KeyboardEvent): boolean;

  addEventListener<Name extends keyof SluicePlayerEventMap>(
    type: Name,
    listener: (this: SluicePlayer, event: SluicePlayerEventMap[Name]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof SluicePlayerEventMap>(
    type: Name,
    listener: (this: SluicePlayer, event: SluicePlayerEventMap[Name]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "sluice-player": SluicePlayer;
  }
}
