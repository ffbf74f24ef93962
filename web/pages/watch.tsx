/**
 * The watch page: the video's frame and its words; the island `client/watch.ts` brings the picture.
 */
import type { Video } from "../api-client.ts";
import { Layout } from "./layout.tsx";
import { VideoHead } from "./video-head.tsx";

export type WatchProps = {
  readonly stylesheet: string;
  readonly script: string;
  /** What `script` asks for to play a picture. */
  readonly modules: readonly string[];
  /** Asks for a live picture before `script` is there. */
  readonly prefetchScript: string;
  readonly video: Video;
  /** The page's own address, as the outside sees it. */
  readonly pageUrl: string;
};

const BADGES = { CREATED: "not live yet", RUNNING: "LIVE", ENDED: "ended" } as const;

export function WatchPage(
  { stylesheet, script, modules, prefetchScript, video, pageUrl }: WatchProps,
) {
  const prefetch = video.status === "RUNNING"
    ? { url: video.playbackUrl, script: prefetchScript, modules }
    : null;
  const title = `${video.title} · Sluice`;
  const head = <VideoHead video={video} pageUrl={pageUrl} />;
  return (
    <Layout title={title} head={head} stylesheet={stylesheet} script={script} prefetch={prefetch}>
      <main data-video={video.url} data-playback={video.playbackUrl}>
        <sluice-player
          class="stage"
          src={video.playbackUrl}
          status={video.status}
          autoplay
          muted
          controls
        >
          <video slot="media" src={video.playbackUrl} controls playsinline preload="none"></video>
          <div class="notice" slot="notice" data-notice role="status">
            <p>Loading …</p>
            <button class="action" type="button" hidden></button>
          </div>
        </sluice-player>
        <div class="about">
          <h1>{video.title}</h1>
          <button class="badge" type="button" disabled data-badge data-status={video.status}>
            {BADGES[video.status]}
          </button>
          <span class="quiet" data-behind></span>
          <button
            class="switch"
            type="button"
            data-real-time
            aria-pressed="false"
            title="Less than half a second behind, in one quality, without rewinding"
            hidden
          >
            Real time
          </button>
        </div>
        <noscript>
          <p>
            Playing in this page needs scripts. Any HLS player can open{" "}
            <a href={video.playbackUrl}>{video.playbackUrl}</a>.
          </p>
        </noscript>
      </main>
    </Layout>
  );
}

export type NoticeProps = {
  readonly stylesheet: string;
  readonly title: string;
  readonly text: string;
};

/** A page that only says something: no such video, nothing answers. */
export function NoticePage({ stylesheet, title, text }: NoticeProps) {
  return (
    <Layout title={`${title} · Sluice`} stylesheet={stylesheet}>
      <main>
        <h1>{title}</h1>
        <p class="quiet">{text}</p>
        <p>
          <a href="/">What is live now</a>
        </p>
      </main>
    </Layout>
  );
}
