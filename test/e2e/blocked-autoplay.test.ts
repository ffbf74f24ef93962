/**
 * Browsers that let nothing play by itself: the page shows a picture and a way to begin, and no word of
 * a picture that has stopped.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUser, type TestUser } from "../helpers/api-client.ts";
import type { AnyBrowser } from "../helpers/browsers/any-browser.ts";
import { launchAnyChromium } from "../helpers/browsers/chromium.ts";
import { launchFirefox } from "../helpers/browsers/firefox.ts";
import { launchWebkit } from "../helpers/browsers/webkit.ts";
import { type Publish, publish } from "../helpers/ffmpeg.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";
import { openAnywhere, type WatchedAnywhere } from "../helpers/watched-page.ts";

/** Longer than a picture may stand without a word where it is to move. */
const WATCHED_MS = 5000;
const LIVE_S = 3;

const LAUNCH = { firefox: launchFirefox, webkit: launchWebkit };

let sluice: RunningSluice;
let user: TestUser;
let publishUrl: string;
let publisher: Publish | undefined;

beforeAll(async () => {
  sluice = await startSluice({ env: { LADDER: "low=90@150" } });
  user = await createUser(sluice.ready.api, "blocked");
  const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
  publishUrl = `${sluice.ready.rtmp}/${channel.body.streamKey}`;
}, 90_000);

afterAll(async () => {
  await publisher?.kill();
  await sluice?.stop();
}, 30_000);

/** Opens the page of a broadcast, and begins it in front of the viewer. */
async function openBeforeStart(browser: Pick<AnyBrowser, "open">): Promise<WatchedAnywhere> {
  const video = await user.call<{ url: string }>("POST", "/user/channel/videos", {
    title: "Still",
  });
  const url = new URL(`/watch/${video.body.url}`, sluice.ready.api).href;
  const page = await openAnywhere(browser, url);
  await until(async () => (await page.now()).badge === "not live yet", 20_000);
  await publisher?.stop();
  publisher = publish(publishUrl, { keyframeSeconds: 2 });
  return page;
}

test("Chromium plays what is muted, whatever it forbids", async () => {
  const browser = await launchAnyChromium({ isAutoplayBlocked: true });
  try {
    const { now, timeS } = await openBeforeStart(browser);
    await until(async () => (await now()).words === null && await timeS() > 0, 20_000);
    const fromS = await timeS();
    await until(async () => await timeS() > fromS + 1, 10_000);
  } finally {
    await browser.close();
  }
}, 60_000);

// WebKitGTK's page process stops answering now and then on a busy machine: another is started then.
test.each(["firefox", "webkit"] as const)(
  "%s: a picture stands there without a word, and its play button leads to live",
  { retry: 1, timeout: 60_000 },
  async (name) => {
    const browser = await LAUNCH[name]({ isAutoplayBlocked: true });
    try {
      const page = await openBeforeStart(browser);
      await until(async () => (await page.now()).words === null, 20_000);
      await expectStill(page);
      await expectBeginning(page);
    } finally {
      await browser.close();
    }
  },
);

async function expectStill(page: WatchedAnywhere): Promise<void> {
  const fromMs = Date.now();
  await until(() => Date.now() > fromMs + WATCHED_MS, WATCHED_MS * 2);
  const moments = (await page.moments()).filter(({ atMs }) => atMs > fromMs);
  expect(moments.filter(({ words }) => words !== null)).toEqual([]);
  expect(new Set(moments.map(({ timeS }) => timeS)).size).toBe(1);
}

async function expectBeginning(page: WatchedAnywhere): Promise<void> {
  await page.page.click("media-control-bar media-play-button");
  await until(async () => {
    const { words, badge, behind } = await page.now();
    return words === null && badge === "LIVE" && behind !== "" && parseFloat(behind) < LIVE_S;
  }, 10_000);
  const { timeS } = await page.now();
  await until(async () => await page.timeS() > timeS + 1, 10_000);
}
