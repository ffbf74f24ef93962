/**
 * Somebody else's page with `<sluice-player>` in it: on an origin of its own, under a policy that allows
 * nothing but what the player's documentation asks for.
 */
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import type { SluicePlayer } from "#web/player/element/sluice-player.ts";
import { serve, type Served } from "./serve.ts";
import type { ReadyDocument } from "./sluice.ts";
import { until } from "./until.ts";

export type ForeignSite = Served & {
  /** Opens a page with `body` in a context of its own. */
  readonly open: (browser: Browser, body: string, options?: OpenOptions) => Promise<ForeignPage>;
};

export type OpenOptions = {
  /** Runs in the page before anything else. */
  readonly before?: () => void;
};

export type HeardEvent = { readonly name: string; readonly detail: unknown };

export type ForeignPage = {
  readonly page: Page;
  /** Errors, and what the policy forbade. */
  readonly problems: string[];
  /** Addresses of everything the page has asked for. */
  readonly requests: string[];
  /** Events of all players so far. */
  readonly heard: () => Promise<HeardEvent[]>;
};

const EVENTS = ["live", "behind", "ended", "error", "rendition"];

/** As resets and themes have it, and a player that is no 16:9. */
const RESET = `img, video { display: block; max-width: 100%; height: auto; vertical-align: middle }
.square { width: 500px } .square sluice-player { aspect-ratio: 1 }`;

const OWN_SCRIPT = `
const heard = [];
Object.assign(globalThis, { heard });
for (const player of document.querySelectorAll("sluice-player")) {
  for (const name of ${JSON.stringify(EVENTS)}) {
    player.addEventListener(name, ({ detail }) => {
      heard.push({ name, detail });
      // What a test asks a page counts as a click; what the page asks does not.
      void fetch("/heard/" + name);
    });
  }
}`;

/** A site that embeds players of the Sluice at `api` and `hls`. */
export function serveForeignSite({ api, hls }: Pick<ReadyDocument, "api" | "hls">): ForeignSite {
  let body = "";
  const served = serve((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/own.js") return reply("text/javascript", OWN_SCRIPT);
    if (pathname === "/own.css") return reply("text/css", "main { max-width: 40rem }");
    if (pathname === "/reset.css") return reply("text/css", RESET);
    if (pathname === "/page.m3u8") return reply("text/html", "<!doctype html><p>Not found</p>");
    if (pathname.startsWith("/heard/")) return new Response(null, { status: 204 });
    if (pathname !== "/") return new Response(null, { status: 404 });
    return reply("text/html", renderPage(api, body), policyOf(api, hls));
  });
  const open: ForeignSite["open"] = async (browser, content, options = {}) => {
    body = content;
    const context = await browser.newContext({ viewport: { width: 800, height: 700 } });
    const page = await context.newPage();
    if (options.before !== undefined) await page.addInitScript(options.before);
    const watched = watch(page);
    await page.goto(served.url);
    return watched;
  };
  return { ...served, open };
}

function watch(page: Page): ForeignPage {
  const problems: string[] = [];
  const requests: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  page.on("request", (request) => requests.push(request.url()));
  const heard = () =>
    page.evaluate(() => (globalThis as unknown as { heard?: HeardEvent[] }).heard ?? []);
  return { page, problems, requests, heard };
}

const DOCUMENTED = /^```text\n(script-src .*?)^```$/ms.exec(readFileSync("docs/player.md", "utf8"));

/** What `docs/player.md` tells a page to allow, and the page's own scripts, styles and questions. */
function policyOf(api: string, hls: string): string {
  const documented = (DOCUMENTED?.[1] ?? "")
    .replaceAll("http://localhost:8000", api)
    .replaceAll("http://localhost:8080", hls)
    .replaceAll(/^(script-src|connect-src)/gm, "$1 'self'")
    .replaceAll("\n", " ");
  return `default-src 'none'; style-src 'self'; ${documented}`;
}

function reply(contentType: string, text: string, policy?: string): Response {
  return new Response(text, {
    headers: {
      "content-type": `${contentType}; charset=utf-8`,
      ...(policy === undefined ? {} : { "content-security-policy": policy }),
    },
  });
}

function renderPage(api: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Somebody else's page</title>
<link rel="stylesheet" href="/own.css">
<script type="module" src="${api}/player.js"></script>
<script type="module" src="/own.js"></script>
</head>
<body><main><h1>Somebody else's page</h1>${body}</main></body>
</html>`;
}

const START_MS = 20_000;

export const playerTag = (attributes: string) =>
  `<sluice-player ${attributes} controls></sluice-player>`;

export type PlayerFacts = {
  readonly state: string | null;
  readonly timeS: number;
  readonly isMuted: boolean;
  readonly isPaused: boolean;
  readonly words: string | null;
};

/** Of the player numbered `index` on `page`. */
export function factsOf(page: Page, index = 0): Promise<PlayerFacts> {
  return page.evaluate((at) => {
    const player = document.querySelectorAll<SluicePlayer>("sluice-player")[at];
    return {
      state: player?.screen?.state ?? null,
      words: player?.screen?.words ?? null,
      timeS: player?.video?.currentTime ?? 0,
      isMuted: player?.video?.muted ?? false,
      isPaused: player?.video?.paused ?? true,
    };
  }, index);
}

export const untilState = (page: Page, state: string, index = 0) =>
  until(async () => (await factsOf(page, index)).state === state, START_MS);

export async function untilMoving(page: Page, index = 0): Promise<void> {
  const { timeS } = await factsOf(page, index);
  await until(async () => (await factsOf(page, index)).timeS > timeS + 0.5, START_MS);
}
