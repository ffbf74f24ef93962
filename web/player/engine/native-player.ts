/**
 * HLS as a browser plays it by itself.
 */
import { type Player, type PlayerEvents, retryDelayMs, startPlayback } from "./player.ts";

export type HlsSource = {
  readonly url: string;
  readonly isLive: boolean;
  /** Where a recording begins, in seconds; default 0. */
  readonly startS?: number;
  /** Nothing is loaded before; default: at once. A player that is made early has less to do then. */
  readonly begins?: Promise<void>;
};

/** What such a browser loads at a time. */
const RHYTHM_MS = 2000;

/** Calls `load` once `source` may begin. */
export function whenBegun({ begins }: HlsSource, load: () => void): void {
  if (begins === undefined) load();
  else void begins.then(load);
}

export function playNatively(
  video: HTMLVideoElement,
  source: HlsSource,
  events: PlayerEvents,
): Player {
  let attempt = 0;
  let isDestroyed = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  const load = () => {
    video.src = source.url;
    if (!source.isLive) video.currentTime = source.startS ?? 0;
    startPlayback(video, events);
  };
  const onError = () => {
    events.onTrouble(video.error?.message ?? "unknown error");
    retry = setTimeout(load, retryDelayMs(attempt));
    attempt += 1;
  };
  const onPlaying = () => attempt = 0;
  const onProgress = () => events.onGrowth({ newest: null, rhythmMs: RHYTHM_MS });
  video.addEventListener("error", onError);
  video.addEventListener("playing", onPlaying);
  video.addEventListener("progress", onProgress);
  whenBegun(source, () => {
    if (!isDestroyed) load();
  });
  return {
    takenAtMs: (mediaTimeS) => startDateMs(video, mediaTimeS),
    choice: null,
    playlistUrl: null,
    holder: null,
    destroy: () => {
      isDestroyed = true;
      clearTimeout(retry);
      video.removeEventListener("error", onError);
      video.removeEventListener("playing", onPlaying);
      video.removeEventListener("progress", onProgress);
      video.removeAttribute("src");
      video.load();
    },
  };
}

/** Safari tells the wall clock of its timeline's zero. */
function startDateMs(
  video: HTMLVideoElement & { getStartDate?: () => Date },
  mediaTimeS: number,
): number | null {
  const startMs = video.getStartDate?.().getTime() ?? Number.NaN;
  return Number.isNaN(startMs) ? null : startMs + mediaTimeS * 1000;
}
