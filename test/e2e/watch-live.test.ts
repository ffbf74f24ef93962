/**
 * The watch page in Chromium through what happens to live broadcasts: it holds its distance, plays
 * on after a publisher's return and a restart of the server, and plays in real time when asked to.
 */
import type { Browser, Page, Request } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUser } from "../helpers/api-client.ts";
import { launchChromium, samplePlayback } from "../helpers/chromium.ts";
import type { Publish } from "../helpers/ffmpeg.ts";
import { startPublish } from "../helpers/publish.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

const SOURCE = { size: "640x360", fps: 30 };
let sluice: RunningSluice;
let browser: Browser;
let publishUrl: string;
let watchUrl: string;
let publisher: Publish;
let page: Page;
const problems: string[] = [];
let loads = 0;

beforeAll(async () => {
  [sluice, browser] = await Promise.all([
    startSluice({ env: { LADDER: "low=360@600" } }),
    launchChromium(),
  ]);
  const user = await createUser(sluice.ready.api, "livewatch");
  const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
  const video = await user.call<{ url: string }>("POST", "/user/channel/videos", { title: "Live" });
  publishUrl = `${sluice.ready.rtmp}/${channel.body.streamKey}`;
  page = await browser.newPage({ viewport: { width: 320, height: 640 } });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  page.on("load", () => loads += 1);
  watchUrl = new URL(`/watch/${video.body.url}`, sluice.ready.api).href;
  await page.goto(watchUrl);
  publisher = startPublish(publishUrl, SOURCE);
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await publisher?.stop();
  await sluice?.stop();
}, 30_000);

const timeS = async () => (await samplePlayback(page))?.currentTimeS ?? 0;

/** Waits until the picture has moved for `seconds` from where it is now. */
async function playOn(seconds: number, deadlineMs: number): Promise<void> {
  const fromS = await timeS();
  await until(async () => await timeS() > fromS + seconds, deadlineMs);
}

/** What the page says; null while it says nothing. */
async function behindS(): Promise<number | null> {
  const [, seconds] = /^([\d.]+) s behind$/.exec(await page.textContent("[data-behind]") ?? "") ??
    [];
  return seconds === undefined ? null : Number(seconds);
}

/** Waits until the page says that it is less than `seconds` behind. */
const untilBehind = (seconds: number, deadlineMs: number) =>
  until(async () => (await behindS() ?? Infinity) < seconds, deadlineMs);

test("finds its distance from the live edge, and goes back to it", async () => {
  await until(async () => await samplePlayback(page), 30_000);
  await untilBehind(3, 20_000);
  await until(async () => await timeS() > 4, 20_000);
  await page.evaluate(() => {
    const video = document.querySelector("video");
    if (video !== null) video.currentTime -= 2;
  });
  await until(
    () => page.evaluate(() => (document.querySelector("video")?.playbackRate ?? 0) > 1),
    5000,
  );
  await untilBehind(2.5, 20_000);
}, 60_000);

test("a viewer who joins asks for the picture before the player is there", async () => {
  const joined = await browser.newPage();
  // On a busy machine the player's script may be the faster one; over a network it is the larger one.
  await holdBack(joined, "*/watch-*.js", arrivalOf(joined, "/part-"));
  await joined.goto(watchUrl);
  await until(() => samplePlayback(joined), 20_000);
  const requests = await joined.evaluate(() =>
    (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
      .map(({ name, initiatorType, transferSize }) => ({ name, initiatorType, transferSize }))
  );
  await joined.close();
  const initiatorOf = (ending: string) =>
    requests.find(({ name }) => name.endsWith(ending))?.initiatorType;
  expect(initiatorOf(".m3u8")).toBe("link");
  expect(initiatorOf("/index.m3u8?parts=YES")).toBe("fetch");
  const parts = requests.filter(({ name }) => name.includes("/part-"));
  expect(parts[0]?.initiatorType).toBe("fetch");
  const carried = parts.filter(({ transferSize }) => transferSize > 0).map(({ name }) => name);
  expect(carried.length).toBe(new Set(carried).size);
  const media = requests.filter(({ name }) => /\/(?:init|part)-/.test(name));
  const early = media.filter(({ initiatorType }) => initiatorType === "fetch");
  expect(early.map(({ name }) => /(init|part)-/.exec(name)?.[1])).toEqual(
    expect.arrayContaining(["init", "part"]),
  );
  // What the player asks for again comes from the browser's cache: the init segment in any case.
  const names = new Set(early.map(({ name }) => name));
  const again = media.filter(({ name, initiatorType }) =>
    initiatorType !== "fetch" && names.has(name)
  );
  expect(again).not.toEqual([]);
  expect(again.filter(({ transferSize }) => transferSize > 0)).toEqual([]);
}, 60_000);

test("leaves a viewer alone who rewound, until the button is pressed", async () => {
  await until(async () => await timeS() > 9, 20_000);
  await page.evaluate(() => {
    const video = document.querySelector("video");
    if (video !== null) video.currentTime = 0.5;
  });
  const button = page.getByRole("button", { name: /· Back to live$/ });
  await button.waitFor({ timeout: 5000 });
  await playOn(1, 10_000);
  expect(await timeS()).toBeLessThan(8);
  await button.focus();
  await page.keyboard.press("Enter");
  await untilBehind(3, 20_000);
}, 60_000);

test("says how old a rewound picture is, on the way back to live", async () => {
  await untilBehind(3, 20_000);
  const badge = page.locator("[data-badge]");
  expect(await badge.textContent()).toBe("LIVE");
  expect(await badge.isDisabled()).toBe(true);
  const liveS = await behindS() ?? Infinity;
  await page.evaluate(() => {
    const video = document.querySelector("video");
    if (video !== null) video.currentTime -= 8;
  });
  const way = page.getByRole("button", { name: /^\d+ s behind$/ });
  await way.waitFor({ timeout: 5000 });
  // Not among the controls, which come and go.
  expect(await way.evaluate((button) => button.closest("sluice-player"))).toBeNull();
  expect(Math.abs(parseInt(await way.textContent() ?? "", 10) - 8 - liveS)).toBeLessThan(1.5);
  await playOn(2, 10_000);
  expect(Math.abs(parseInt(await way.textContent() ?? "", 10) - 8 - liveS)).toBeLessThan(1.5);
  await way.click();
  await until(async () => await badge.textContent() === "LIVE", 10_000);
  await untilBehind(3, 20_000);
}, 60_000);

test("plays in real time and back", async () => {
  const button = page.getByRole("button", { name: "Real time" });
  await button.click();
  expect(await button.getAttribute("aria-pressed")).toBe("true");
  await until(() => page.locator("[data-notice]").isHidden(), 15_000);
  await untilBehind(1.2, 20_000);
  await playOn(1, 10_000);
  await button.click();
  await until(() => page.locator("[data-notice]").isHidden(), 15_000);
  await playOn(1, 10_000);
  await untilBehind(3, 20_000);
}, 90_000);

test("plays on by itself when the publisher comes back", async () => {
  await publisher.kill();
  await until(
    async () => /has stopped/.test(await page.textContent("[data-notice] p") ?? ""),
    20_000,
  );
  publisher = startPublish(publishUrl, { ...SOURCE, size: "480x270" });
  await until(() => page.locator("[data-notice]").isHidden(), 30_000);
  await playOn(2, 20_000);
  await untilBehind(3, 30_000);
  expect(loads).toBe(1);
  expect(problems).toEqual([]);
}, 90_000);

/** Resolves once every request of `page` for a path with `infix` has arrived, at least one. */
function arrivalOf(page: Page, infix: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let open = 0;
  const isMeant = (request: Request) => request.url().includes(infix);
  page.on("request", (request) => open += isMeant(request) ? 1 : 0);
  page.on("requestfinished", (request) => {
    if (!isMeant(request)) return;
    open -= 1;
    if (open === 0) resolve();
  });
  return promise;
}

/** Keeps what `page` asks for at `urlPattern` until `release`. `page.route` would turn the browser's cache off. */
async function holdBack(page: Page, urlPattern: string, release: Promise<void>): Promise<void> {
  const session = await page.context().newCDPSession(page);
  session.on("Fetch.requestPaused", ({ requestId }) => {
    // A page that was closed meanwhile waits for nothing.
    release.then(() => session.send("Fetch.continueRequest", { requestId })).catch(() => {});
  });
  await session.send("Fetch.enable", { patterns: [{ urlPattern }] });
}
