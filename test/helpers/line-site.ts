/**
 * A whole Sluice with one broadcast, watched in Chromium through a line of the test's making.
 */
import type { Browser } from "playwright-core";
import { createUser } from "./api-client.ts";
import { launchChromium } from "./chromium.ts";
import { type Publish, publish, type TestPattern } from "./ffmpeg.ts";
import { findFreePort } from "./free-port.ts";
import { SlowLine } from "./slow-line.ts";
import { type RunningSluice, startSluice } from "./sluice.ts";
import { openWatchedPage, type SeenMoment, type WatchedPage } from "./watched-page.ts";

export type LineSite = {
  readonly line: SlowLine;
  readonly browser: Browser;
  /** Opens the watch page; resolves once a picture is there. */
  readonly open: () => Promise<WatchedPage>;
  readonly stop: () => Promise<void>;
};

export type LineSiteOptions = {
  readonly ladder: string;
  /** Begins a broadcast at this RTMP URL. */
  readonly publish: (url: string) => Publish;
};

/** About 3 Mbit/s with its sound, whatever the picture shows. */
export const NOISY: TestPattern = {
  size: "640x360",
  keyframeSeconds: 2,
  videoBitrate: "2900k",
  videoFilter: "noise=alls=30:allf=t",
  videoOptions: ["-maxrate", "2900k", "-bufsize", "1500k"],
};
/** Around `NOISY`: with its sound the lowest rung is about 350 kbit/s, the middle one 1 Mbit/s. */
export const THREE_RUNGS = "low=144@240,mid=240@900,high=360@4000";

export async function startLineSite(options: Partial<LineSiteOptions> = {}): Promise<LineSite> {
  const { ladder = THREE_RUNGS, publish: begin = (url: string) => publish(url, NOISY) } = options;
  const line = new SlowLine();
  const [linePort, hlsPort] = await Promise.all([line.listen(), findFreePort()]);
  line.leadTo(hlsPort);
  const env = {
    LADDER: ladder,
    HLS_PORT: String(hlsPort),
    PUBLIC_HLS_URL: `http://127.0.0.1:${linePort}`,
  };
  const [sluice, browser] = await Promise.all([startSluice({ env }), launchChromium()]);
  const { publisher, url } = await beginBroadcast(sluice, begin);
  const stop = async () => {
    await browser.close();
    await publisher.kill();
    await sluice.stop();
    await line.stop();
  };
  return { line, browser, open: () => openWatchedPage(browser, url), stop };
}

async function beginBroadcast({ ready }: RunningSluice, begin: LineSiteOptions["publish"]) {
  const user = await createUser(ready.api, "linesite");
  const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
  const video = await user.call<{ url: string }>("POST", "/user/channel/videos", { title: "Line" });
  const publisher = begin(`${ready.rtmp}/${channel.body.streamKey}`);
  return { publisher, url: new URL(`/watch/${video.body.url}`, ready.api).href };
}

/** Lines of the picture that is shown. */
export async function heightPx({ page }: WatchedPage): Promise<number> {
  return await page.evaluate(() => document.querySelector("video")?.videoHeight ?? 0);
}

/** Whether the page says that it is live, and the picture is no older than about 2 s. */
export async function isLive(watched: WatchedPage): Promise<boolean> {
  const { badge, behind, words } = await watched.now();
  return words === null && badge === "LIVE" && behind !== "" && parseFloat(behind) < 2.5;
}

/** A halt of a few frames is none. */
const HALT_MS = 300;
/** With less ahead of it a picture stands for want of data, and not because the machine is busy. */
const DRY_S = 0.15;

/** For how long in all no new frame was there from `fromMs` on, for want of data. */
export async function stoodMs(watched: WatchedPage, fromMs: number): Promise<number> {
  const moments = (await watched.moments()).filter(({ atMs }) => atMs > fromMs);
  let sumMs = 0;
  let halt: SeenMoment[] = [];
  for (const moment of [...moments, null]) {
    const first = halt[0];
    const last = moment ?? halt.at(-1);
    if (first !== undefined && last !== undefined && moment?.frames !== first.frames) {
      const isDry = halt.some(({ bufferS }) => bufferS < DRY_S);
      if (isDry && last.atMs - first.atMs > HALT_MS) sumMs += last.atMs - first.atMs;
      halt = [];
    }
    if (moment !== null) halt.push(moment);
  }
  return sumMs;
}
