/**
 * hls.js where it runs, the browser's own HLS where it does not.
 */
import { type ErrorData, ErrorTypes, Events, Hls } from "hls.js/light";

export type Player = {
  /** Seconds behind the live edge's clock; null while unknown. */
  latencyS(): number | null;
  destroy(): void;
};

export type Source = { readonly url: string; readonly isLive: boolean };

export type PlayerEvents = {
  /** Nothing more will come: the owner starts again or gives up. */
  readonly onBroken: (detail: string) => void;
  readonly onUnsupported: () => void;
};

// Desktop Chromium answers "maybe" for HLS and then ignores its low-latency tags: hls.js first.
/** Starts playing `source`, muted so that every browser lets it begin by itself. */
export function createPlayer(
  video: HTMLVideoElement,
  source: Source,
  events: PlayerEvents,
): Player {
  video.muted = true;
  if (Hls.isSupported()) return playWithHls(video, source, events);
  if (video.canPlayType("application/vnd.apple.mpegurl") !== "") {
    return playNatively(video, source, events);
  }
  events.onUnsupported();
  return { latencyS: () => null, destroy: () => {} };
}

function playWithHls(video: HTMLVideoElement, source: Source, events: PlayerEvents): Player {
  const hls = new Hls({
    lowLatencyMode: true,
    // Without it a viewer who fell behind stays behind for good.
    maxLiveSyncPlaybackRate: 1.5,
    enableWorker: false, // fMP4 needs no transmuxing, and the CSP allows no blob scripts
    backBufferLength: 30,
    ...(source.isLive ? {} : { startPosition: 0 }),
  });
  let recoveries = 0;
  hls.on(Events.ERROR, (_event, data: ErrorData) => {
    if (!data.fatal) return;
    if (data.type === ErrorTypes.MEDIA_ERROR && recoveries < 2) {
      recoveries += 1;
      hls.recoverMediaError();
      return;
    }
    hls.destroy();
    events.onBroken(data.details);
  });
  hls.on(Events.MANIFEST_PARSED, () => startPlayback(video));
  hls.loadSource(source.url);
  hls.attachMedia(video);
  return {
    latencyS: () => (Number.isFinite(hls.latency) && hls.latency > 0 ? hls.latency : null),
    destroy: () => hls.destroy(),
  };
}

function playNatively(video: HTMLVideoElement, source: Source, events: PlayerEvents): Player {
  const onError = () => events.onBroken(video.error?.message ?? "unknown error");
  video.addEventListener("error", onError, { once: true });
  video.src = source.url;
  startPlayback(video);
  return {
    latencyS: () => null,
    destroy: () => {
      video.removeEventListener("error", onError);
      video.removeAttribute("src");
      video.load();
    },
  };
}

function startPlayback(video: HTMLVideoElement): void {
  // A refusal to start by itself leaves the play button, which is answer enough.
  video.play().catch(() => {});
}
