/**
 * The controls of the watch page in Chromium: on a narrow screen and on a full one, and what a viewer
 * chooses with them.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUser } from "../helpers/api-client.ts";
import { launchChromium, samplePlayback } from "../helpers/chromium.ts";
import type { Publish } from "../helpers/ffmpeg.ts";
import { startPublish } from "../helpers/publish.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

const LADDER = "low=90@150,mid=180@400";
/** Of a page that waits, with all it loads. */
const MAX_WAITING_BYTES = 40_000;

let sluice: RunningSluice;
let browser: Browser;
let publishUrl: string;
let watchUrl: string;
let publisher: Publish;
let page: Page;
const problems: string[] = [];

beforeAll(async () => {
  [sluice, browser] = await Promise.all([startSluice({ env: { LADDER } }), launchChromium()]);
  const user = await createUser(sluice.ready.api, "controls");
  const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
  const video = await user.call<{ url: string }>("POST", "/user/channel/videos", { title: "Show" });
  publishUrl = `${sluice.ready.rtmp}/${channel.body.streamKey}`;
  watchUrl = new URL(`/watch/${video.body.url}`, sluice.ready.api).href;
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await publisher?.kill();
  await sluice?.stop();
}, 30_000);

const heightPx = () => page.evaluate(() => document.querySelector("video")?.videoHeight);
const isMuted = (of: Page) => of.evaluate(() => document.querySelector("video")?.muted);
const words = (of: Page) => of.locator("[data-notice]");

/** Opens the settings at one of their parts. */
async function openSettings(part: "quality" | "latency" | "speed"): Promise<void> {
  await page.mouse.move(200, 200);
  await page.locator("media-settings-menu-button").click();
  await page.locator(`media-settings-menu-item.${part}`).click();
}

async function choose(name: string | RegExp): Promise<void> {
  await page.getByRole("menuitemradio", { name }).click();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
}

describe("a page that waits", () => {
  test("weighs little, and nothing on it moves when the broadcast begins", async () => {
    const context = await browser.newContext({ viewport: { width: 800, height: 700 } });
    page = await context.newPage();
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      if (/Content Security Policy/.test(message.text())) problems.push(message.text());
    });
    await page.addInitScript(() => {
      const shifts: number[] = [];
      Object.assign(window, { shifts });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          shifts.push((entry as PerformanceEntry & { readonly value: number }).value);
        }
      }).observe({ type: "layout-shift", buffered: true });
    });
    await page.goto(watchUrl);
    await until(async () => /not begun/.test(await words(page).innerText()), 10_000);
    await page.waitForTimeout(1500);
    const bytes = await page.evaluate(() =>
      performance.getEntries().reduce(
        (sum, entry) => sum + ((entry as PerformanceResourceTiming).transferSize ?? 0),
        0,
      )
    );
    expect(bytes).toBeGreaterThan(5000);
    expect(bytes).toBeLessThan(MAX_WAITING_BYTES);
    publisher = startPublish(publishUrl, { size: "320x180", fps: 30, keyframeSeconds: 2 });
    await until(() => samplePlayback(page), 40_000);
    await page.locator("media-control-bar media-play-button").waitFor({ timeout: 10_000 });
    const shifts = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts);
    // The seek bar's own handle is all that moves.
    expect(shifts.reduce((sum, shift) => sum + shift, 0)).toBeLessThan(0.001);
  }, 90_000);
});

test("the sound is one tap away, and stays on at the next visit", async () => {
  expect(await isMuted(page)).toBe(true);
  const invitation = page.getByRole("button", { name: "Tap to unmute" });
  await invitation.click();
  expect(await isMuted(page)).toBe(false);
  expect(await invitation.isVisible()).toBe(false);
  const again = await page.context().newPage();
  await again.goto(watchUrl);
  await until(() => samplePlayback(again), 20_000);
  expect(await isMuted(again)).toBe(false);
  await again.close();
}, 60_000);

test("a quality that is chosen is played, kept, and given back", async () => {
  await until(async () => await heightPx() === 180, 30_000);
  await openSettings("quality");
  await choose("90p");
  await until(async () => await heightPx() === 90, 15_000);
  await page.reload();
  await until(() => samplePlayback(page), 20_000);
  await until(async () => await heightPx() === 90, 10_000);
  await page.locator("media-settings-menu-button").waitFor({ timeout: 10_000 });
  await openSettings("quality");
  await choose(/^Auto/);
  await until(async () => await heightPx() === 180, 40_000);
}, 120_000);

test("real time is a latency among others, and there is nothing to seek in", async () => {
  await openSettings("latency");
  await choose(/^Real time/);
  await until(
    async () => (await page.textContent("[data-behind]"))?.startsWith("0."),
    15_000,
  );
  expect(await page.locator("media-time-range").isVisible()).toBe(false);
  await openSettings("latency");
  await choose("Low");
  await until(() => page.locator("media-time-range").isVisible(), 10_000);
}, 60_000);

test("on a narrow screen the seek bar has a row of its own", async () => {
  await page.setViewportSize({ width: 320, height: 640 });
  await page.mouse.move(100, 150);
  await until(async () => {
    const box = await page.locator("media-time-range").boundingBox();
    return box !== null && box.width >= 272;
  }, 5000);
  const sideways = await page.evaluate(() =>
    document.documentElement.scrollWidth - document.documentElement.clientWidth
  );
  expect(sideways).toBe(0);
  const controls = await page.locator("sluice-player").boundingBox();
  const buttons = await page.locator("media-fullscreen-button").boundingBox();
  expect((buttons?.y ?? 0) + (buttons?.height ?? 0))
    .toBeLessThanOrEqual((controls?.y ?? 0) + (controls?.height ?? 0));
  await page.setViewportSize({ width: 800, height: 700 });
}, 30_000);

test("the seek bar shows pictures of what was live", async () => {
  const bar = await page.locator("media-time-range").boundingBox();
  if (bar === null) throw new Error("there is no seek bar");
  const preview = page.locator("media-preview-thumbnail img");
  await until(async () => {
    for (const share of [0.3, 0.32]) {
      await page.mouse.move(bar.x + bar.width * share, bar.y + bar.height / 2);
    }
    return /\/storyboard-\d+\.jpg/.test(await preview.getAttribute("src") ?? "");
  }, 15_000);
  await until(() => preview.evaluate((image: HTMLImageElement) => image.naturalWidth > 0), 5000);
}, 30_000);

test("the words are there on a full screen as well", async () => {
  await page.keyboard.press("f");
  await until(() => page.evaluate(() => document.fullscreenElement?.localName), 5000);
  expect(await page.evaluate(() => document.fullscreenElement?.localName)).toBe("sluice-player");
  await publisher.kill();
  await until(async () => /broadcaster is away/.test(await words(page).innerText()), 10_000);
  const isOnTop = await words(page).evaluate((notice) => {
    const { x, y, width, height } = notice.getBoundingClientRect();
    return document.elementFromPoint(x + width / 2, y + height / 2)?.closest("[data-notice]") ===
      notice;
  });
  expect(isOnTop).toBe(true);
  await page.keyboard.press("f");
  await until(() => page.evaluate(() => document.fullscreenElement === null), 5000);
  expect(problems).toEqual([]);
}, 60_000);
