/**
 * The end of a broadcast for people who watch it in ways of their own: what is left plays to its end,
 * and the recording is one click away until somebody clicks.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUser } from "../helpers/api-client.ts";
import { launchChromium } from "../helpers/chromium.ts";
import { type Publish, publish } from "../helpers/ffmpeg.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";
import { openWatchedPage, type WatchedPage } from "../helpers/watched-page.ts";

const REWOUND_S = 10;
/** A recording plays this soon after the click. */
const PLAYS_MS = 3000;

type Mode = "low" | "standard" | "rewound" | "paused" | "background";
const MODES: readonly Mode[] = ["low", "standard", "rewound", "paused", "background"];

let sluice: RunningSluice;
let browser: Browser;
const publishers: Publish[] = [];
const pages = new Map<Mode, WatchedPage>();
/** Where the rewound page was when the broadcast was over. */
let rewoundS: number;

beforeAll(async () => {
  [sluice, browser] = await Promise.all([
    startSluice({ env: { LADDER: "low=90@150" } }),
    launchChromium(),
  ]);
  const watchUrls = new Map<string, string>();
  for (const latency of ["low", "standard"] as const) {
    const user = await createUser(sluice.ready.api, `ends-${latency}`);
    const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
    await user.call("PATCH", "/user/channel", { latency });
    const video = await user.call<{ url: string }>("POST", "/user/channel/videos", {
      title: latency,
    });
    watchUrls.set(latency, new URL(`/watch/${video.body.url}`, sluice.ready.api).href);
    const url = `${sluice.ready.rtmp}/${channel.body.streamKey}`;
    publishers.push(publish(url, { keyframeSeconds: 2 }));
  }
  for (const mode of MODES) {
    const url = watchUrls.get(mode === "standard" ? "standard" : "low") ?? "";
    pages.set(mode, await openWatchedPage(browser, url));
  }
  await until(async () => await pageOf("rewound").timeS() > REWOUND_S + 2, 40_000);
  await pageOf("paused").page.evaluate(() => document.querySelector("video")?.pause());
  await freeze(pageOf("background").page, true);
  await pageOf("rewound").seekBy(-REWOUND_S);
  await Promise.all(publishers.map((publisher) => publisher.stop()));
  for (const mode of MODES) {
    if (mode === "background") continue;
    await until(async () => (await pageOf(mode).now()).badge === "ended", 30_000);
    if (mode === "rewound") rewoundS = await pageOf(mode).timeS();
  }
  await freeze(pageOf("background").page, false);
  await until(async () => (await pageOf("background").now()).badge === "ended", 10_000);
}, 150_000);

afterAll(async () => {
  await browser?.close();
  for (const publisher of publishers) await publisher.kill();
  await sluice?.stop();
}, 30_000);

function pageOf(mode: Mode): WatchedPage {
  const page = pages.get(mode);
  if (page === undefined) throw new Error(`no page is ${mode}`);
  return page;
}

/** As a browser does to a page that nobody has looked at for a while. */
async function freeze(page: Page, isFrozen: boolean): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setWebLifecycleState", { state: isFrozen ? "frozen" : "active" });
  await session.detach();
}

const offerOn = (mode: Mode) =>
  pageOf(mode).page.getByRole("button", { name: "Watch the recording" });
const hasEnded = (mode: Mode) =>
  pageOf(mode).page.evaluate(() => document.querySelector("video")?.ended === true);

async function expectOffer(mode: Mode): Promise<void> {
  expect((await pageOf(mode).now()).words).toMatch(/has ended/);
  expect(await offerOn(mode).isVisible()).toBe(true);
}

test("what was rewound plays to its end", async () => {
  expect(await pageOf("rewound").page.locator("[data-notice]").getAttribute("class")).toMatch(
    /\bbar\b/,
  );
  await until(() => hasEnded("rewound"), 30_000);
  expect(await pageOf("rewound").timeS()).toBeGreaterThan(rewoundS + REWOUND_S / 2);
}, 60_000);

describe.each(MODES)("%s", (mode) => {
  test("the recording is offered, and nothing takes the offer away", async () => {
    const { page, seekBy, timeS } = pageOf(mode);
    if (mode !== "paused") await until(() => hasEnded(mode), 30_000);
    await expectOffer(mode);
    await page.mouse.move(100, 100);
    await page.mouse.move(200, 150);
    await expectOffer(mode);
    // Once more what is there already.
    const fromS = await timeS() - 3;
    await seekBy(-3);
    await page.evaluate(() => document.querySelector("video")?.play());
    await until(async () => await timeS() > fromS + 0.5, 10_000);
    await expectOffer(mode);
    await until(() => hasEnded(mode), 20_000);
    await expectOffer(mode);
    const moments = await pageOf(mode).moments();
    const ended = moments.slice(moments.findIndex(({ badge }) => badge === "ended"));
    expect(ended.filter(({ words }) => !/has ended/.test(words ?? ""))).toEqual([]);
  }, 60_000);

  test("a click plays the recording from its beginning, in an element of its own", async () => {
    const { page, now } = pageOf(mode);
    const before = await page.evaluateHandle(() => document.querySelector("video"));
    await offerOn(mode).click();
    await until(async () => {
      const { words, frames, timeS } = await now();
      return words === null && frames > 10 && timeS > 0.3 && timeS < 5;
    }, PLAYS_MS);
    expect(await page.evaluate((video) => document.querySelector("video") === video, before))
      .toBe(false);
    expect((await now()).badge).toBe("recording");
  }, 20_000);
});
