/**
 * A publisher that is killed while people watch, each in a way of their own: they read why the picture
 * stands until it moves again. Who loses their own connection reads something else.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUser } from "../helpers/api-client.ts";
import { launchChromium } from "../helpers/chromium.ts";
import { type Publish, publish } from "../helpers/ffmpeg.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";
import { openWatchedPage, type SeenMoment, type WatchedPage } from "../helpers/watched-page.ts";

const AWAY = /broadcaster is away/;
/** Words are there by then. */
const SAID_MS = 3000;
/** For so long nobody publishes. */
const AWAY_MS = 12_000;
const REWOUND_S = 10;

type Mode = "low" | "standard" | "rewound" | "realTime";
const MODES: readonly Mode[] = ["low", "standard", "rewound", "realTime"];

let sluice: RunningSluice;
let browser: Browser;
const watchUrls: Partial<Record<"low" | "standard", string>> = {};
const publishUrls: string[] = [];
let publishers: Publish[] = [];
const pages = new Map<Mode, WatchedPage>();
let killedAtMs: number;
/** What was seen while nobody published. */
const seen = new Map<Mode, SeenMoment[]>();

beforeAll(async () => {
  [sluice, browser] = await Promise.all([
    startSluice({ env: { LADDER: "low=90@150" } }),
    launchChromium(),
  ]);
  for (const latency of ["low", "standard"] as const) {
    const user = await createUser(sluice.ready.api, `away-${latency}`);
    const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
    await user.call("PATCH", "/user/channel", { latency });
    const video = await user.call<{ url: string }>("POST", "/user/channel/videos", {
      title: latency,
    });
    watchUrls[latency] = new URL(`/watch/${video.body.url}`, sluice.ready.api).href;
    publishUrls.push(`${sluice.ready.rtmp}/${channel.body.streamKey}`);
  }
  publishAll();
  for (const mode of MODES) {
    const latency = mode === "standard" ? "standard" : "low";
    pages.set(mode, await openWatchedPage(browser, watchUrls[latency] ?? ""));
  }
  await until(async () => await pageOf("rewound").timeS() > REWOUND_S + 2, 40_000);
  await pageOf("rewound").seekBy(-REWOUND_S);
  await pageOf("realTime").page.locator("[data-real-time]").click();
  await until(async () => (await pageOf("realTime").now()).behind.startsWith("0."), 20_000);
  await Promise.all(publishers.map((publisher) => publisher.kill()));
  killedAtMs = Date.now();
  await until(() => Date.now() > killedAtMs + AWAY_MS, AWAY_MS * 2);
  for (const mode of MODES) {
    const moments = await pageOf(mode).moments();
    seen.set(mode, moments.filter(({ atMs }) => atMs > killedAtMs));
  }
}, 150_000);

afterAll(async () => {
  await browser?.close();
  for (const publisher of publishers) await publisher.kill();
  await sluice?.stop();
}, 30_000);

function publishAll(): void {
  publishers = publishUrls.map((url) => publish(url, { keyframeSeconds: 2 }));
}

function pageOf(mode: Mode): WatchedPage {
  const page = pages.get(mode);
  if (page === undefined) throw new Error(`no page is ${mode}`);
  return page;
}

/** What `mode` showed from `fromMs` after the kill on. */
const seenFrom = (mode: Mode, fromMs: number) =>
  seen.get(mode)?.filter(({ atMs }) => atMs > killedAtMs + fromMs) ?? [];

test.each(MODES)("%s: words within 3 s, and they stay", (mode) => {
  const said = seenFrom(mode, SAID_MS);
  expect(said.length).toBeGreaterThan(50);
  expect(said.filter(({ words }) => !AWAY.test(words ?? ""))).toEqual([]);
  expect(said.filter(({ badge }) => badge !== "broadcaster away")).toEqual([]);
});

test.each(MODES)("%s: a picture that stands is said to be no age", (mode) => {
  expect(seenFrom(mode, SAID_MS).filter(({ behind }) => behind !== "")).toEqual([]);
});

test.each(["low", "standard", "rewound"] as const)("%s: nobody jumps about", (mode) => {
  const moments = seenFrom(mode, 0);
  const [first] = moments;
  expect(moments.filter(({ seeks }) => seeks !== first?.seeks)).toEqual([]);
  const times = moments.map(({ timeS }) => timeS);
  expect(times).toEqual(times.toSorted((one, other) => one - other));
});

test("what was rewound plays on to where the publisher was lost", async () => {
  const [rewound, low] = await Promise.all([pageOf("rewound").timeS(), pageOf("low").timeS()]);
  expect(Math.abs(rewound - low)).toBeLessThan(1.5);
});

test("the words go when the picture moves again", async () => {
  publishAll();
  for (const mode of MODES) {
    const { timeS, frames } = await pageOf(mode).now();
    await until(async () => {
      const now = await pageOf(mode).now();
      return now.words === null && /^(?:LIVE|\d+ s behind)$/.test(now.badge) &&
        (now.timeS > timeS + 1 || mode === "realTime" && now.frames !== frames);
    }, 30_000);
    await until(async () => (await pageOf(mode).now()).badge === "LIVE", 30_000);
  }
}, 150_000);

test("who loses their own connection reads that, until it is back", async () => {
  const { page, now, timeS } = pageOf("low");
  const beforeS = await timeS();
  await page.context().setOffline(true);
  await until(async () => /interrupted/.test((await now()).words ?? ""), 10_000);
  expect((await now()).badge).toBe("no connection");
  await page.context().setOffline(false);
  await until(async () => (await now()).words === null && await timeS() > beforeS + 5, 30_000);
  expect((await pageOf("standard").now()).words).toBeNull();
}, 60_000);
