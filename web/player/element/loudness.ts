/**
 * Sound off and on, so that something is to be heard when it is on.
 */
import { readPreferences } from "./preferences.ts";

/** As loud as a viewer who has turned it down to nothing gets it back. */
const AUDIBLE = 0.25;

export function unmute(video: HTMLVideoElement): void {
  video.muted = false;
  if (video.volume === 0) video.volume = readPreferences().volume ?? AUDIBLE;
}

/** Nothing to be heard is as good as muted. */
export function toggleMuted(video: HTMLVideoElement): void {
  if (video.muted || video.volume === 0) unmute(video);
  else video.muted = true;
}
