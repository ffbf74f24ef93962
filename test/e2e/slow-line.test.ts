/**
 * The watch page on a line that becomes too slow for what it plays: a smaller picture soon, words where
 * none is small enough, and live again once the line is back.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUser } from "../helpers/api-client.ts";
import { launchChromium } from "../helpers/chromium.ts";
import { type Publish, publish } from "../helpers/ffmpeg.ts";
import { findFreePort } from "../helpers/free-port.ts";
import { SlowLine } from "../helpers/slow-line.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";
import { openWatchedPage, type SeenMoment, type WatchedPage } from "../helpers/watched-page.ts";

/** About 1.3 Mbit/s with its sound; the rung below is a fifth of it. */
const SOURCE = {
  keyframeSeconds: 2,
  videoBitrate: "1200k",
  videoFilter: "noise=alls=40:allf=t",
  videoOptions: ["-maxrate", "1300k", "-bufsize", "600k"],
};
const LADDER = "low=90@150,high=180@1200";
/** Enough for the lower rung. */
const SLOW_BPS = 600_000;
/** Enough for none. */
const TOO_SLOW_BPS = 150_000;
const WATCHED_MS = 12_000;

const line = new SlowLine();
let sluice: RunningSluice;
let browser: Browser;
let publisher: Publish;
let watched: WatchedPage;

beforeAll(async () => {
  const [linePort, hlsPort] = await Promise.all([line.listen(), findFreePort()]);
  line.leadTo(hlsPort);
  const env = {
    LADDER,
    HLS_PORT: String(hlsPort),
    PUBLIC_HLS_URL: `http://127.0.0.1:${linePort}`,
  };
  [sluice, browser] = await Promise.all([startSluice({ env }), launchChromium()]);
  const user = await createUser(sluice.ready.api, "slowline");
  const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
  const video = await user.call<{ url: string }>("POST", "/user/channel/videos", { title: "Slow" });
  publisher = publish(`${sluice.ready.rtmp}/${channel.body.streamKey}`, SOURCE);
  const url = new URL(`/watch/${video.body.url}`, sluice.ready.api).href;
  watched = await openWatchedPage(browser, url);
  await until(async () => await heightPx() === 180 && await watched.timeS() > 6, 40_000);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await publisher?.kill();
  await sluice?.stop();
  await line.stop();
}, 30_000);

const heightPx = () => watched.page.evaluate(() => document.querySelector("video")?.videoHeight);
const isLive = async () => {
  const { badge, behind, words } = await watched.now();
  return words === null && badge === "LIVE" && behind !== "" && parseFloat(behind) < 3.5;
};

/** For how long in all no new frame was there, halts of a few frames aside. */
function stoodMs(moments: readonly SeenMoment[]): number {
  const moved = moments.filter(({ frames }, at) => frames !== moments[at - 1]?.frames);
  const ends = [...moved.slice(1), moments.at(-1)];
  const haltsMs = moved.map(({ atMs }, at) => (ends[at]?.atMs ?? atMs) - atMs);
  return haltsMs.filter((haltMs) => haltMs > 300).reduce((sum, haltMs) => sum + haltMs, 0);
}

test(
  "a line too slow for the picture gets a smaller one soon, and the larger one back",
  async () => {
    const slowAtMs = Date.now();
    line.rateBps = SLOW_BPS;
    await until(async () => await heightPx() === 90, 5000);
    await until(() => Date.now() > slowAtMs + WATCHED_MS, WATCHED_MS * 2);
    const moments = await watched.moments();
    expect(stoodMs(moments.filter(({ atMs }) => atMs > slowAtMs))).toBeLessThan(2500);
    line.rateBps = Infinity;
    await until(isLive, 10_000);
    await until(async () => await heightPx() === 180, 30_000);
  },
  90_000,
);

test("a line too slow for the smallest picture is said to be, until it is back", async () => {
  line.rateBps = TOO_SLOW_BPS;
  await until(async () => /too slow/.test((await watched.now()).words ?? ""), 20_000);
  expect(await watched.now()).toMatchObject({ badge: "slow connection", behind: "" });
  line.rateBps = Infinity;
  await until(isLive, 10_000);
}, 60_000);
