/**
 * Does what a pressed key asks for.
 */
import { type KeyAction, keyAction } from "./keys.ts";
import { toggleMuted, unmute } from "./loudness.ts";

export type KeyTarget = {
  readonly video: HTMLVideoElement;
  /** media-chrome's: takes requests as events. */
  readonly controller: HTMLElement;
  readonly toggleFullscreen: () => void;
  readonly isLive: boolean;
  readonly goToLive: () => void;
  readonly toggleHelp: () => void;
};

/** Keys that these take for themselves. */
const OWN_KEYS: readonly (readonly [selector: string, keys: readonly string[]])[] = [
  [
    "input:not([type=range]), textarea, select, [contenteditable], [role=menu], [role^=menuitem]",
    [],
  ],
  ["button, [role=button]", [" ", "Enter"]],
  ["[role=slider], input[type=range]", [
    "ArrowLeft",
    "ArrowRight",
    "ArrowUp",
    "ArrowDown",
    "Home",
    "End",
  ]],
];
const REPEATABLE = new Set<KeyAction["kind"]>(["seekBy", "volumeBy", "step", "slower", "faster"]);
const RATES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
/** About a picture: few sources have more than 30 a second, and none shows less than one is moved by. */
const STEP_S = 1 / 30;

/** Whether the key was ours. */
export function pressKey(event: KeyboardEvent, target: KeyTarget): boolean {
  const action = keyAction(event);
  if (action === null || isTaken(event)) return false;
  // A key that is held means what it meant at first.
  if (!event.repeat || REPEATABLE.has(action.kind)) act(action, target);
  return true;
}

function isTaken(event: KeyboardEvent): boolean {
  return event.composedPath().some((element) =>
    element instanceof Element &&
    OWN_KEYS.some(([selector, keys]) =>
      element.matches(selector) && (keys.length === 0 || keys.includes(event.key))
    )
  );
}

function act(action: KeyAction, target: KeyTarget): void {
  const { video, goToLive, isLive, toggleHelp } = target;
  switch (action.kind) {
    case "playOrPause":
      return video.paused ? void video.play().catch(() => {}) : video.pause();
    case "mute":
      return toggleMuted(video);
    case "fullscreen":
      return target.toggleFullscreen();
    case "pictureInPicture":
      return request(
        target,
        document.pictureInPictureElement === video ? "mediaexitpiprequest" : "mediaenterpiprequest",
      );
    case "captions":
      return request(target, "mediatogglesubtitlesrequest");
    case "seekBy":
      return seekTo(target, video.currentTime + action.seconds);
    case "seekTo":
      return seekToShare(target, action.share);
    case "toStart":
      return seekToShare(target, 0);
    case "toEnd":
      return isLive ? goToLive() : seekToShare(target, 1);
    case "volumeBy":
      video.volume = Math.min(1, Math.max(0, video.volume + action.share));
      if (action.share > 0) unmute(video);
      return;
    case "slower":
    case "faster":
      // A live picture's speed keeps it at its distance.
      if (!isLive) video.playbackRate = nextRate(video.playbackRate, action.kind === "faster");
      return;
    case "step":
      if (video.paused) seekTo(target, video.currentTime + action.frames * STEP_S);
      return;
    case "help":
      return toggleHelp();
    default:
      return action satisfies never;
  }
}

function request({ controller }: KeyTarget, name: string): void {
  controller.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true }));
}

function seekTo({ video, isLive, goToLive }: KeyTarget, timeS: number): void {
  const { seekable } = video;
  if (seekable.length === 0) return;
  const endS = seekable.end(seekable.length - 1);
  if (isLive && timeS >= endS) goToLive();
  else video.currentTime = Math.min(endS, Math.max(seekable.start(0), timeS));
}

function seekToShare(target: KeyTarget, share: number): void {
  const { seekable } = target.video;
  if (seekable.length === 0) return;
  const startS = seekable.start(0);
  seekTo(target, startS + share * (seekable.end(seekable.length - 1) - startS));
}

function nextRate(rate: number, isFaster: boolean): number {
  const next = isFaster
    ? RATES.find((candidate) => candidate > rate)
    : RATES.findLast((candidate) => candidate < rate);
  return next ?? rate;
}
