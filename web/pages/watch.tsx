/**
 * The watch page: the video's frame and its words; the island `client/watch.ts` brings the picture.
 */
import type { Video } from "../api-client.ts";
import type { PlayWishes } from "../play-wishes.ts";
import type { PageWords } from "../words/pages/en.ts";
import { playerWords } from "../words/player/words.ts";
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
  readonly words: PageWords;
  readonly wishes: PlayWishes;
};

const STATES = { CREATED: "waiting", RUNNING: "live", ENDED: "ended" } as const;

export function WatchPage(props: WatchProps) {
  const { stylesheet, script, modules, prefetchScript, video, pageUrl, words, wishes } = props;
  const { badges, realTime, realTimeLimits, states } = playerWords(words.language);
  const { language } = words;
  const prefetch = video.status === "RUNNING"
    ? { url: video.playbackUrl, script: prefetchScript, modules }
    : null;
  const title = `${video.title} · Sluice`;
  const head = <VideoHead video={video} pageUrl={pageUrl} />;
  return (
    <Layout {...{ title, language, head, stylesheet, script, prefetch }}>
      <main data-video={video.url} data-playback={video.playbackUrl}>
        <sluice-player
          class="stage"
          src={video.playbackUrl}
          status={video.status}
          poster={wishes.autoplay ? undefined : video.thumbnail ?? undefined}
          {...wishes}
        >
          <video slot="media" src={video.playbackUrl} controls playsinline preload="none"></video>
          <div class="notice" slot="notice" data-notice role="status">
            <p>{video.status === "CREATED" ? states.waiting : states.joining}</p>
            <button class="action" type="button" hidden></button>
          </div>
        </sluice-player>
        <div class="about">
          <h1>{video.title}</h1>
          <button class="badge" type="button" disabled data-badge data-status={video.status}>
            {badges[STATES[video.status]]}
          </button>
          <span class="quiet" data-behind></span>
          <button
            class="switch"
            type="button"
            data-real-time
            aria-pressed="false"
            title={realTimeLimits}
            hidden
          >
            {realTime}
          </button>
        </div>
        <noscript>
          <p>
            {words.noScripts} <a href={video.playbackUrl}>{video.playbackUrl}</a>.
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
  readonly words: PageWords;
};

/** A page that only says something: no such video, nothing answers. */
export function NoticePage({ stylesheet, title, text, words }: NoticeProps) {
  return (
    <Layout title={`${title} · Sluice`} language={words.language} stylesheet={stylesheet}>
      <main>
        <h1>{title}</h1>
        <p class="quiet">{text}</p>
        <p>
          <a href="/">{words.whatIsLive}</a>
        </p>
      </main>
    </Layout>
  );
}
