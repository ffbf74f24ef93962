/**
 * The site: pages for people in front of the API, on one origin. Entry files wrap the API with it,
 * so neither room imports the other.
 */
import { type Context, Hono } from "hono";
import { FOR_ANY_PAGE, replyWithAsset } from "./asset-reply.ts";
import { assetPath, type Assets } from "./assets.ts";
import { ApiUnavailableError, type FetchHandler, listLiveVideos, readVideo } from "./api-client.ts";
import { HomePage } from "./pages/home.tsx";
import { NoticePage, WatchPage } from "./pages/watch.tsx";
import { isFromPlayer } from "./player-request.ts";
import { playWishes } from "./play-wishes.ts";
import { pageWords } from "./words/pages/words.ts";

export type SiteOptions = {
  /** Answers everything that is not a page. */
  readonly api: FetchHandler;
  /** Base URL of the site as the outside sees it, without a trailing slash. */
  readonly publicUrl: string;
  /** Base URL of the playback server: players on our pages may connect there. */
  readonly hlsUrl: string;
  readonly assets: Assets;
};

const LIVE_VIDEOS_SHOWN = 24;

/** The `fetch` of pages and API together. */
export function createSite(options: SiteOptions): FetchHandler {
  const { api, assets } = options;
  const stylesheet = assetPath(assets, "site", "css");
  const script = assetPath(assets, "watch", "js");
  const prefetchScript = assetPath(assets, "prefetch", "js");
  const player = JSON.stringify(`.${assetPath(assets, "sluice-player", "js")}`);
  const modules = ["hls-player", "sluice-player"].map((stem) => assetPath(assets, stem, "js"));
  const policy = contentSecurityPolicy(new URL(options.hlsUrl).origin);
  const site = new Hono({ strict: false });

  site.onError((error, c) => {
    if (!(error instanceof ApiUnavailableError)) throw error;
    const words = pageWords(c);
    const { unavailable: title, unavailableWhy: text } = words;
    return page(c, policy, 503, <NoticePage {...{ stylesheet, title, text, words }} />);
  });
  site.get("/", async (c) => {
    const live = await listLiveVideos(api, LIVE_VIDEOS_SHOWN);
    return page(c, policy, 200, <HomePage {...{ stylesheet, live, words: pageWords(c) }} />);
  });
  site.get("/watch/:url", async (c) => {
    const video = await readVideo(api, c.req.param("url"));
    const words = pageWords(c);
    if (video !== null) {
      if (isFromPlayer(c.req.raw.headers)) return toStream(video.playbackUrl);
      const pageUrl = `${options.publicUrl}/watch/${video.url}`;
      const wishes = playWishes(new URLSearchParams(c.req.query()));
      const props = { stylesheet, script, modules, prefetchScript, video, pageUrl, words, wishes };
      return page(c, policy, 200, <WatchPage {...props} />);
    }
    const { noSuchVideo: title, noSuchVideoWhy: text } = words;
    return page(c, policy, 404, <NoticePage {...{ stylesheet, title, text, words }} />);
  });
  site.get("/assets/:name", (c) => {
    const name = c.req.param("name");
    const asset = assets.get(name);
    return asset === undefined ? api(c.req.raw, c.env) : replyWithAsset(c, name, asset);
  });
  site.get("/player.js", (c) =>
    c.body(`export * from ${player};\n`, 200, {
      "content-type": "text/javascript; charset=utf-8",
      // Its name stays while what it leads to changes.
      "cache-control": "public, max-age=300",
      ...FOR_ANY_PAGE,
    }));
  site.all("*", (c) => api(c.req.raw, c.env));
  return (request, env) => site.fetch(request, env);
}

/** The same address means the page to one reader and the stream to another: nobody may keep it. */
function toStream(location: string): Response {
  return new Response(null, { status: 302, headers: { location, "cache-control": "no-store" } });
}

function page(
  c: Context,
  policy: string,
  status: 200 | 404 | 503,
  body: unknown,
): Response {
  return c.body(`<!doctype html>${String(body)}`, status, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": policy,
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
  });
}

function contentSecurityPolicy(hlsOrigin: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' data: ${hlsOrigin}`,
    `connect-src 'self' ${hlsOrigin}`,
    `media-src 'self' blob: ${hlsOrigin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
