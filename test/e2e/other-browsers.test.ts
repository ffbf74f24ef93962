/**
 * A broadcast watched in Firefox and in WebKit from its first picture to its recording: live, in another
 * latency, rewound, and with a pause.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUser, type TestUser } from "../helpers/api-client.ts";
import type { AnyBrowser } from "../helpers/browsers/any-browser.ts";
import { launchFirefox } from "../helpers/browsers/firefox.ts";
import { launchWebkit } from "../helpers/browsers/webkit.ts";
import { type Publish, publish } from "../helpers/ffmpeg.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";
import { openAnywhere, type SeenMoment, type WatchedAnywhere } from "../helpers/watched-page.ts";

const REWOUND_S = 10;
const PAUSED_MS = 8000;
const AWAY = /broadcaster is away/;
/** Words are there by then. */
/** Words are there after 1.5 s, and by then on a machine that is busy with other tests as well. */
const SAID_MS = 5000;
const OPEN_MS = 40_000;

const after = (ms: number) => new Promise<false>((resolve) => setTimeout(() => resolve(false), ms));
/** For so long nobody publishes. */
const AWAY_MS = 9000;
/** A recording plays this soon after the click. */
const PLAYS_MS = 2000;

const LAUNCH = { firefox: launchFirefox, webkit: launchWebkit };
const LATENCIES = ["low", "standard"] as const;
type Mode = "low" | "standard" | "rewound" | "paused";
/** WebKit draws each picture by processor: few at a time. */
const MODES: Record<keyof typeof LAUNCH, readonly Mode[]> = {
  firefox: ["low", "standard", "rewound", "paused"],
  webkit: ["rewound", "paused"],
};
const STANDARD: ReadonlySet<Mode> = new Set(["standard", "paused"]);

let sluice: RunningSluice;
const users: TestUser[] = [];
const publishUrls: string[] = [];
let publishers: Publish[] = [];

beforeAll(async () => {
  sluice = await startSluice({ env: { LADDER: "low=90@150" } });
  for (const latency of LATENCIES) {
    const user = await createUser(sluice.ready.api, `other-${latency}`);
    const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
    await user.call("PATCH", "/user/channel", { latency });
    users.push(user);
    publishUrls.push(`${sluice.ready.rtmp}/${channel.body.streamKey}`);
  }
}, 90_000);

afterAll(async () => {
  for (const publisher of publishers) await publisher.kill();
  await sluice?.stop();
}, 30_000);

function publishAll(): void {
  publishers = publishUrls.map((url) => publish(url, { keyframeSeconds: 2 }));
}

/** The addresses of two broadcasts that begin, low and standard. */
async function beginBroadcasts(): Promise<string[]> {
  const urls: string[] = [];
  for (const user of users) {
    const video = await user.call<{ url: string }>("POST", "/user/channel/videos", {
      title: "Watched elsewhere",
    });
    urls.push(new URL(`/watch/${video.body.url}`, sluice.ready.api).href);
  }
  publishAll();
  return urls;
}

const isLive = async ({ now }: WatchedAnywhere) => {
  const { words, badge, frames } = await now();
  return words === null && badge === "LIVE" && frames > 0;
};
const momentsSince = async ({ moments }: WatchedAnywhere, fromMs: number) =>
  (await moments()).filter(({ atMs }) => atMs >= fromMs);
const setPaused = ({ page }: WatchedAnywhere, isPaused: boolean) =>
  page.evaluate((pauses) => {
    const video = document.querySelector("video");
    if (pauses) video?.pause();
    else void video?.play();
  }, isPaused);
const hasEnded = ({ page }: WatchedAnywhere) =>
  page.evaluate(() => document.querySelector("video")?.ended === true, null);
/** The next so many seconds of the picture. */
async function playOn({ timeS }: WatchedAnywhere, seconds: number): Promise<void> {
  const fromS = await timeS();
  await until(async () => await timeS() > fromS + seconds, (seconds + 6) * 1000);
}

const isPlaying = ({ words, frames, timeS }: SeenMoment) =>
  words === null && frames > 3 && timeS > 0.1 && timeS < 5;

describe.each(["firefox", "webkit"] as const)("%s", (name) => {
  let browser: Pick<AnyBrowser, "open" | "close">;
  const modes = MODES[name];
  const pages = new Map<Mode, WatchedAnywhere>();

  beforeAll(async () => {
    const urls = await beginBroadcasts();
    // WebKitGTK's page process stops answering now and then on a busy machine: another is started then.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      browser = await LAUNCH[name]();
      const isThere = await Promise.race([openAll(urls), after(OPEN_MS)]).catch(() => false);
      if (isThere) return;
      await browser.close();
    }
    throw new Error(`${name} shows no picture`);
  }, 180_000);

  /** Opens a page for each mode; true once all are live. */
  async function openAll([low = "", standard = ""]: readonly string[]): Promise<boolean> {
    for (const mode of modes) {
      const page = await openAnywhere(browser, STANDARD.has(mode) ? standard : low);
      pages.set(mode, page);
      await until(() => isLive(page), OPEN_MS);
    }
    return true;
  }

  afterAll(() => browser?.close(), 30_000);

  function pageOf(mode: Mode): WatchedAnywhere {
    const page = pages.get(mode);
    if (page === undefined) throw new Error(`no page is ${mode}`);
    return page;
  }

  test.each(modes)("%s: a live plays", async (mode) => {
    await playOn(pageOf(mode), 1);
    expect(await isLive(pageOf(mode))).toBe(true);
  }, 20_000);

  test("who rewinds stays there, before where they came in as well", async () => {
    const page = pageOf("rewound");
    await until(async () => await page.timeS() > REWOUND_S + 1, 30_000);
    const liveS = await page.timeS();
    await page.seekBy(-REWOUND_S);
    const seekAtMs = Date.now();
    await until(async () => await page.timeS() < liveS - REWOUND_S / 2, 5000);
    await playOn(page, 2);
    await until(async () => /^\d+ s behind$/.test((await page.now()).badge), 3000);
    const moments = (await momentsSince(page, seekAtMs + 1000)).slice(1);
    const aheadS = moments.map(({ atMs, timeS }) => timeS - (atMs - seekAtMs) / 1000 - liveS);
    expect(Math.max(...aheadS)).toBeLessThan(1 - REWOUND_S);
  }, 60_000);

  test("a pause holds the picture, and it goes on from there", async () => {
    const page = pageOf("paused");
    await setPaused(page, true);
    const fromMs = Date.now();
    await until(() => Date.now() > fromMs + PAUSED_MS, PAUSED_MS * 2);
    const moments = await momentsSince(page, fromMs + 500);
    const times = moments.map(({ timeS }) => timeS);
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(0.3);
    await setPaused(page, false);
    await playOn(page, 2);
  }, 60_000);

  test.each(modes)("%s: nothing pauses or ends by itself", async (mode) => {
    const { pauses, ends } = await pageOf(mode).now();
    expect({ pauses, ends }).toEqual({ pauses: mode === "paused" ? 1 : 0, ends: 0 });
  });

  test("a publisher is killed: words are soon there, and they stay", async () => {
    await Promise.all(publishers.map((publisher) => publisher.kill()));
    const killedAtMs = Date.now();
    await until(() => Date.now() > killedAtMs + AWAY_MS, AWAY_MS * 2);
    for (const mode of modes) {
      const moments = await momentsSince(pageOf(mode), killedAtMs + SAID_MS);
      expect(moments.length).toBeGreaterThan(20);
      const unsaid = moments.filter(({ words }) => !AWAY.test(words ?? ""));
      expect({ mode, unsaid }).toEqual({ mode, unsaid: [] });
    }
  }, 60_000);

  test("the words go when the picture moves again", async () => {
    publishAll();
    for (const mode of modes) {
      const page = pageOf(mode);
      await until(async () => (await page.now()).words === null, 30_000);
      await playOn(page, 1);
    }
  }, 90_000);

  test("the end is said, and what was rewound plays to it", async () => {
    await pageOf("rewound").seekBy(-REWOUND_S / 2);
    await setPaused(pageOf("paused"), true);
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    for (const mode of modes) {
      const page = pageOf(mode);
      await until(async () => (await page.now()).badge === "ended", 30_000);
      if (mode !== "paused") await until(() => hasEnded(page), 40_000);
      expect((await page.now()).words).toMatch(/has ended/);
    }
  }, 120_000);

  test.each(modes)("%s: a click plays the recording", async (mode) => {
    const view = pageOf(mode);
    await view.page.evaluate(() => {
      // No attribute: a copy of the element is not to have it.
      Object.assign(document.querySelector("video") ?? {}, { hasPlayedLive: true });
    }, null);
    const clickedAtMs = Date.now();
    await view.page.click("[data-notice] button");
    await until(async () => isPlaying(await view.now()), 20_000);
    const first = (await momentsSince(view, clickedAtMs)).find(isPlaying);
    expect((first?.atMs ?? Infinity) - clickedAtMs).toBeLessThan(PLAYS_MS);
    expect((await view.now()).badge).toBe("recording");
    expect(
      await view.page.evaluate(
        () => "hasPlayedLive" in (document.querySelector("video") ?? {}),
        null,
      ),
    ).toBe(false);
  }, 40_000);
});
