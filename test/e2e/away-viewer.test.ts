/**
 * Viewers who are away for a while, each in a way of their own, and back at live without a word left
 * over: the machine slept, another tab was in front, the network was gone.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUser } from "../helpers/api-client.ts";
import { type Firefox, type FirefoxPage, launchFirefox } from "../helpers/browsers/firefox.ts";
import { launchChromium } from "../helpers/chromium.ts";
import { type Publish, publish } from "../helpers/ffmpeg.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";
import {
  openAnywhere,
  openWatchedPage,
  type SeenMoment,
  type WatchedAnywhere,
  type WatchedPage,
} from "../helpers/watched-page.ts";

const AWAY_MS = 30_000;
/** Live again by then. */
const BACK_MS = 5000;
/** A picture at live is no older. */
const LIVE_S = 3;

let sluice: RunningSluice;
let chromium: Browser;
let firefox: Firefox;
let publisher: Publish;
let asleep: WatchedPage;
let covered: WatchedAnywhere<FirefoxPage>;
let offline: WatchedAnywhere<FirefoxPage>;

beforeAll(async () => {
  [sluice, chromium, firefox] = await Promise.all([
    startSluice({ env: { LADDER: "low=90@150" } }),
    launchChromium(),
    launchFirefox(),
  ]);
  const user = await createUser(sluice.ready.api, "awayviewer");
  const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
  const video = await user.call<{ url: string }>("POST", "/user/channel/videos", { title: "Away" });
  publisher = publish(`${sluice.ready.rtmp}/${channel.body.streamKey}`, { keyframeSeconds: 2 });
  const url = new URL(`/watch/${video.body.url}`, sluice.ready.api).href;
  asleep = await openWatchedPage(chromium, url);
  covered = await openAnywhere(firefox, url);
  offline = await openAnywhere(firefox, url);
  for (const { now } of [asleep, covered, offline]) {
    await until(async () => isLive(await now()), 40_000);
  }
}, 120_000);

afterAll(async () => {
  await Promise.all([chromium?.close(), firefox?.close()]);
  await publisher?.kill();
  await sluice?.stop();
}, 30_000);

const isLive = ({ words, badge, behind }: SeenMoment) =>
  words === null && badge === "LIVE" && behind !== "" && parseFloat(behind) < LIVE_S;

/** As a lid that is closed does to a page. */
async function freeze(page: Page, isFrozen: boolean): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setWebLifecycleState", { state: isFrozen ? "frozen" : "active" });
  await session.detach();
}

test("who slept or looked elsewhere for 30 s is at live within 5 s", async () => {
  const show = await covered.page.hide();
  await freeze(asleep.page, true);
  expect(await covered.page.evaluate(() => document.hidden, null)).toBe(true);
  const awayAtMs = Date.now();
  await until(() => Date.now() > awayAtMs + AWAY_MS, AWAY_MS * 2);
  await Promise.all([freeze(asleep.page, false), show()]);
  const backAtMs = Date.now();
  for (const { moments } of [asleep, covered]) {
    await until(async () => {
      const last = (await moments()).at(-1);
      return last !== undefined && last.atMs > backAtMs && isLive(last);
    }, 20_000);
    const back = (await moments()).find((moment) => moment.atMs > backAtMs && isLive(moment));
    expect((back?.atMs ?? Infinity) - backAtMs).toBeLessThan(BACK_MS);
  }
}, 90_000);

test("who lost the network reads that, and is at live soon after it is back", async () => {
  await offline.page.setOffline(true);
  await until(async () => (await offline.now()).badge === "no connection", 20_000);
  expect((await offline.now()).words).toMatch(/^Your connection/);
  await offline.page.setOffline(false);
  await until(async () => isLive(await offline.now()), 15_000);
}, 60_000);
