/**
 * `<sluice-player>` in somebody else's page, on another origin and under a strict policy: as live as on
 * the watch page, heard of by its events, moved, removed and pointed elsewhere.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SluicePlayer } from "#web/player/element/sluice-player.ts";
import { createUser } from "../helpers/api-client.ts";
import { launchChromium } from "../helpers/chromium.ts";
import type { Publish } from "../helpers/ffmpeg.ts";
import {
  factsOf,
  type ForeignPage,
  type ForeignSite,
  type HeardEvent,
  playerTag,
  serveForeignSite,
  untilMoving,
  untilState,
} from "../helpers/foreign-page.ts";
import { startPublish } from "../helpers/publish.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

const START_MS = 20_000;
/** What plays live asks for something, and looks at its picture, several times in it. */
const QUIET_MS = 3000;
/** Of distances to live, sampled while both pages play. */
const SAMPLES = 15;
const SAME_S = 0.3;
const BACK_S = 10;

let sluice: RunningSluice;
let browser: Browser;
let site: ForeignSite;
let publisher: Publish;
let videoUrl: string;
let src: string;

beforeAll(async () => {
  const env = { LADDER: "low=144@250,mid=240@700" };
  [sluice, browser] = await Promise.all([startSluice({ env }), launchChromium()]);
  site = serveForeignSite(sluice.ready);
  const user = await createUser(sluice.ready.api, "embedded");
  const { streamKey } = (await user.call<{ streamKey: string }>("POST", "/user/channel")).body;
  const video = await user.call<{ url: string; playbackUrl: string }>(
    "POST",
    "/user/channel/videos",
    { title: "Embedded" },
  );
  ({ url: videoUrl, playbackUrl: src } = video.body);
  const pattern = { size: "426x240", videoBitrate: "500k" };
  publisher = startPublish(`${sluice.ready.rtmp}/${streamKey}`, pattern);
  await until(async () => (await fetch(`${src}?wait=YES`)).ok, START_MS);
}, 90_000);

afterAll(async () => {
  await publisher?.kill();
  await browser?.close();
  await site?.stop();
  await sluice?.stop();
}, 30_000);

const openPlayer = () => site.open(browser, playerTag(`src="${src}" autoplay muted`));

const setAttribute = (page: Page, name: string, value: string) =>
  page.evaluate(
    ([name, value]) => document.querySelector("sluice-player")?.setAttribute(name, value),
    [name, value] as const,
  );

/** The newest event called `name`, once there is one. */
function untilHeard({ heard, page }: ForeignPage, name: string): Promise<HeardEvent> {
  return until(async () => {
    const events = await heard();
    const event = events.findLast((event) => event.name === name);
    if (event !== undefined) return event;
    throw new Error(`no ${name}: ${JSON.stringify([events, await factsOf(page)])}`);
  }, START_MS);
}

/** Seconds between the media's clock and the wall's; both pages count the same broadcast's. */
async function clockOffsetS(page: Page): Promise<number> {
  return await page.evaluate(() => {
    const video = document.querySelector<SluicePlayer>("sluice-player")?.video;
    return Date.now() / 1000 - (video?.currentTime ?? 0);
  });
}

const median = (numbers: readonly number[]) =>
  numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;

describe("in a page under a strict policy", () => {
  let foreign: ForeignPage;
  let page: Page;
  beforeAll(async () => {
    const before = () => Object.assign(globalThis, { namesBefore: Object.keys(globalThis) });
    foreign = await site.open(browser, playerTag(`src="${src}" autoplay muted`), { before });
    ({ page } = foreign);
    await untilState(page, "live");
    await page.locator("media-control-bar").waitFor({ state: "attached" });
  }, 40_000);
  afterAll(() => page.close());

  test("is styled, asks nobody else and leaves nothing behind in the window", async () => {
    const looks = await page.locator("media-control-bar media-play-button").evaluate((button) => {
      const { cursor, display } = getComputedStyle(button);
      return { cursor, display };
    });
    expect(looks).toEqual({ cursor: "pointer", display: "flex" });
    const { api, hls } = sluice.ready;
    const origins = new Set(foreign.requests.map((url) => new URL(url).origin));
    expect([...origins].toSorted()).toEqual([site.url, api, hls].toSorted());
    const added = await page.evaluate(() => {
      const { namesBefore } = globalThis as unknown as { namesBefore: readonly string[] };
      const known = new Set([...namesBefore, "namesBefore", "heard"]);
      return Object.keys(globalThis).filter((name) => !known.has(name));
    });
    expect(added).toEqual([]);
    expect(foreign.problems).toEqual([]);
  });

  test("is as close to live as on the watch page", async () => {
    const watch = await browser.newPage();
    const fresh = await openPlayer();
    const pages = [watch, fresh.page];
    await watch.goto(`${sluice.ready.api}/watch/${videoUrl}`);
    for (const page of pages) await untilState(page, "live");
    // A busy machine makes both of them keep a distance for a while, each its own.
    const differences: number[] = [];
    await until(async () => {
      const [ours = 0, theirs = 0] = await Promise.all(pages.map(clockOffsetS));
      differences.push(theirs - ours);
      return Math.abs(median(differences.slice(-SAMPLES))) < SAME_S && differences.length > SAMPLES;
    }, START_MS);
    await Promise.all(pages.map((page) => page.close()));
  }, 60_000);

  test("tells of live, of the rendition and of being behind", async () => {
    await until(
      () =>
        page.evaluate(() =>
          (document.querySelector<SluicePlayer>("sluice-player")?.video?.currentTime ?? 0) > 11
        ),
      START_MS,
    );
    await page.evaluate((seconds) => {
      const video = document.querySelector<SluicePlayer>("sluice-player")?.video ?? null;
      if (video !== null) video.currentTime -= seconds;
    }, BACK_S);
    const behind = (await untilHeard(foreign, "behind")).detail as { readonly seconds: number };
    expect(Math.abs(behind.seconds - BACK_S)).toBeLessThan(4);
    const rendition = (await untilHeard(foreign, "rendition")).detail;
    expect(rendition).toMatchObject({ bitrateBps: expect.any(Number) });
    await page.evaluate(() => document.querySelector<SluicePlayer>("sluice-player")?.goToLive());
    await untilState(page, "live");
    const names = (await foreign.heard()).map(({ name }) => name);
    expect(names.filter((name) => name === "live").length).toBeGreaterThanOrEqual(2);
  }, 60_000);

  test("plays on where it is moved to, and asks for nothing anew", async () => {
    const asked = foreign.requests.length;
    await page.evaluate(() => {
      const section = document.createElement("section");
      document.body.append(section);
      section.append(document.querySelector("sluice-player") ?? "");
    });
    await untilMoving(page);
    expect(foreign.requests.slice(asked).filter((url) => url === src)).toEqual([]);
  }, 30_000);

  test("goes to real time and back", async () => {
    await setAttribute(page, "latency", "real-time");
    await until(() => foreign.requests.some((url) => url.endsWith(".flv")), START_MS);
    await untilState(page, "live");
    await untilMoving(page);
    await setAttribute(page, "latency", "low");
    await untilState(page, "live");
    await untilMoving(page);
    expect(foreign.problems).toEqual([]);
  }, 60_000);

  test("plays what its src is changed to", async () => {
    await setAttribute(page, "src", src.replace(videoUrl, "nosuchvideo1"));
    await untilState(page, "waiting");
    expect(await page.getByRole("status").textContent()).toMatch(/not begun/);
    await setAttribute(page, "src", src);
    await untilState(page, "live");
    await untilMoving(page);
  }, 60_000);
});

/** Runs in the page: when it last set a timer, and which of them repeat. */
function watchTimers(): void {
  const { setInterval: repeat, clearInterval: endRepeat, setTimeout: delay } = globalThis;
  const timers = { setAtMs: 0, repeating: new Set<unknown>() };
  const note = () => timers.setAtMs = performance.now();
  Object.assign(globalThis, {
    timers,
    setInterval: (...args: Parameters<typeof repeat>) => {
      note();
      const id = repeat(...args);
      timers.repeating.add(id);
      return id;
    },
    clearInterval: (id: ReturnType<typeof repeat>) => {
      timers.repeating.delete(id);
      endRepeat(id);
    },
    setTimeout: (...args: Parameters<typeof delay>) => {
      note();
      return delay(...args);
    },
  });
}

/** Timers that repeat, and for how long (ms) none has been set. */
const timersOf = (page: Page) =>
  page.evaluate(() => {
    const { timers } = globalThis as unknown as {
      timers: { setAtMs: number; repeating: Set<unknown> };
    };
    return { repeating: timers.repeating.size, quietMs: performance.now() - timers.setAtMs };
  });

test("nothing goes on after it is removed, and it plays once it is put back", async () => {
  const { page, requests, problems } = await site.open(
    browser,
    playerTag(`src="${src}" autoplay muted`),
    { before: watchTimers },
  );
  await untilState(page, "live");
  await page.locator("media-control-bar").waitFor({ state: "attached" });
  await page.evaluate(() => {
    const kept = document.querySelector("sluice-player");
    Object.assign(globalThis, { kept });
    kept?.remove();
  });
  let asked = 0;
  let askedAtMs = 0;
  await until(async () => {
    if (requests.length > asked) askedAtMs = Date.now();
    asked = requests.length;
    const { repeating, quietMs } = await timersOf(page);
    return repeating === 0 && quietMs > QUIET_MS && Date.now() - askedAtMs > QUIET_MS;
  }, START_MS);
  await page.evaluate(() => {
    document.body.append((globalThis as unknown as { kept: HTMLElement }).kept);
  });
  await untilState(page, "live");
  await untilMoving(page);
  expect(problems).toEqual([]);
  await page.close();
}, 60_000);

test("two of them play on one page, each for itself", async () => {
  const tag = playerTag(`src="${src}" autoplay muted`);
  const { page, problems } = await site.open(browser, tag + tag);
  for (const index of [0, 1]) await untilState(page, "live", index);
  await page.evaluate(() => {
    const [first] = document.querySelectorAll<SluicePlayer>("sluice-player");
    first?.pause();
    if (first?.video) first.video.muted = false;
  });
  await untilMoving(page, 1);
  expect(await factsOf(page, 0)).toMatchObject({ isPaused: true, isMuted: false });
  expect(await factsOf(page, 1)).toMatchObject({ isPaused: false, isMuted: true });
  expect(problems).toEqual([]);
  await page.close();
}, 60_000);

test("loads nothing before it is asked to, where it does not start by itself", async () => {
  const poster = `${sluice.ready.api}/poster.jpg`;
  const { page, requests } = await site.open(browser, playerTag(`src="${src}" poster="${poster}"`));
  const play = page.getByRole("button", { name: "play", exact: true }).first();
  await play.waitFor();
  await page.locator("media-poster-image").waitFor();
  await until(() => requests.includes(poster), START_MS);
  expect(requests.filter((url) => url.startsWith(sluice.ready.hls))).toEqual([]);
  await play.click();
  await untilState(page, "live");
  await untilMoving(page);
  expect(await factsOf(page)).toMatchObject({ isMuted: false, isPaused: false });
  await page.close();
}, 60_000);

test("starts without the sound a browser forbids, and offers it", async () => {
  const strict = await launchChromium({ isSoundBlocked: true });
  const { page, requests } = await site.open(strict, playerTag(`src="${src}" autoplay`));
  await until(() => requests.some((url) => url.endsWith("/heard/live")), START_MS);
  await untilMoving(page);
  expect((await factsOf(page)).isMuted).toBe(true);
  await page.getByRole("button", { name: "Tap to unmute" }).click();
  await until(async () => !(await factsOf(page)).isMuted, START_MS);
  await untilMoving(page);
  await strict.close();
}, 60_000);

describe("says what cannot be played", () => {
  const failed = { state: "failed", message: "This video cannot be played here." };
  test.each([
    ["no playlist", () => `${site.url}/page.m3u8`],
    ["no address", () => "http://"],
  ])("when its src is %s", async (_what, address) => {
    const foreign = await site.open(browser, playerTag("autoplay muted"));
    const { page, problems } = foreign;
    await setAttribute(page, "src", address());
    expect((await untilHeard(foreign, "error")).detail).toEqual(failed);
    expect(await page.getByRole("status").textContent()).toContain(failed.message);
    expect(problems).toEqual([]);
    await page.close();
  }, 40_000);

  test("when the browser knows no way", async () => {
    const before = () => {
      Object.assign(globalThis, { MediaSource: undefined, ManagedMediaSource: undefined });
      HTMLMediaElement.prototype.canPlayType = () => "";
    };
    const tag = playerTag(`src="${src}" autoplay muted`);
    const foreign = await site.open(browser, tag, { before });
    expect((await untilHeard(foreign, "error")).detail).toEqual({
      state: "failed",
      message: "This browser cannot play HLS video.",
    });
    await foreign.page.close();
  }, 40_000);

  test("and waits for what may still begin", async () => {
    const unknown = src.replace(videoUrl, "nosuchvideo1");
    const foreign = await site.open(browser, playerTag(`src="${unknown}" autoplay muted`));
    await untilState(foreign.page, "waiting");
    expect(await foreign.heard()).toEqual([]);
    await foreign.page.close();
  }, 40_000);
});

test("tells of the end, and plays the recording when it is asked to", async () => {
  const foreign = await openPlayer();
  const { page } = foreign;
  await untilState(page, "live");
  await publisher.stop();
  await untilHeard(foreign, "ended");
  await page.getByRole("button", { name: "Watch the recording" }).click();
  await untilState(page, "recording");
  await untilMoving(page);
  await page.close();
}, 60_000);
