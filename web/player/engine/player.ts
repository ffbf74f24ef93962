/**
 * What a picture is played with, whichever way the picture comes.
 */
import type { LatencyHolder } from "./latency-holder.ts";
import type { Growth } from "../watching/live-line.ts";

export type Rendition = {
  readonly width: number;
  readonly height: number;
  readonly bitrateBps: number;
};

/** What a viewer can choose among, lowest first. */
export interface RenditionChoice {
  readonly renditions: readonly Rendition[];
  /** Index of the viewer's choice; -1: the player chooses. */
  readonly chosen: number;
  choose(index: number): void;
  /** Hears of the renditions once they are known, and of each change. */
  onListed(listener: (renditions: readonly Rendition[]) => void): void;
  /** Hears which one is played. */
  onPlayed(listener: (rendition: Rendition) => void): void;
}

export interface Player {
  /** Null: there is one rendition, or the browser chooses by itself. */
  readonly choice: RenditionChoice | null;
  /** Server time (Unix ms) at which the frame at `mediaTimeS` was taken; null while unknown. */
  takenAtMs(mediaTimeS: number): number | null;
  /** The media playlist that is played; null: another way of playing, or none yet. */
  readonly playlistUrl: string | null;
  /** Null for a recording, and where the browser plays by itself. */
  readonly holder: LatencyHolder | null;
  destroy(): void;
}

/** What a picture can be too much for. */
export type TooSlow = "connection" | "device";

export type PlayerEvents = {
  /** More of a live broadcast has come, or is listed. */
  readonly onGrowth: (growth: Growth) => void;
  /** The server ended the stream. */
  readonly onCut: () => void;
  /** The smallest picture is too much for something; null: it is not, any more. */
  readonly onFit: (tooSlow: TooSlow | null) => void;
  /** Something is in the way; the player goes on trying by itself. */
  readonly onTrouble: (detail: string) => void;
  readonly onUnsupported: () => void;
  /** The browser allows no sound by itself: the picture starts muted. */
  readonly onSilenced: () => void;
};

const RETRY_MS = [300, 600, 1000, 1500, 2000, 3000];

/** How long to wait before try number `attempt` (from 0): soon at first, then less often. */
export function retryDelayMs(attempt: number): number {
  return RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0;
}

/** Starts muted or not at all where the browser refuses; its play button is answer enough. */
export function startPlayback(
  video: HTMLVideoElement,
  { onSilenced }: Pick<PlayerEvents, "onSilenced">,
): void {
  video.play().catch((error: unknown) => {
    if (!isRefusal(error) || video.muted) return;
    onSilenced();
    video.muted = true;
    video.play().catch(() => {});
  });
}

function isRefusal(error: unknown): boolean {
  return error instanceof DOMException && error.name === "NotAllowedError";
}

/** Seconds from the picture to the end of what is loaded without a gap. */
export function bufferedAheadS(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video;
  for (let index = 0; index < buffered.length; index += 1) {
    if (buffered.start(index) <= currentTime + 0.05 && buffered.end(index) > currentTime) {
      return buffered.end(index) - currentTime;
    }
  }
  return 0;
}

/** Seconds of the newest that is loaded without a gap, from the picture on when that lies within it. */
export function lastBufferedS({ buffered, currentTime }: HTMLVideoElement): number {
  if (buffered.length === 0) return 0;
  const last = buffered.length - 1;
  return buffered.end(last) - Math.max(buffered.start(last), currentTime);
}
