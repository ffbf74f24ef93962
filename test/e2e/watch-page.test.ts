/**
 * The watch page in Chromium, from before the broadcast until after it.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUser, type TestUser } from "../helpers/api-client.ts";
import { launchChromium, samplePlayback } from "../helpers/chromium.ts";
import { startPublish } from "../helpers/publish.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

let sluice: RunningSluice;
let browser: Browser;
let user: TestUser;
let streamKey: string;
let videoUrl: string;

beforeAll(async () => {
  [sluice, browser] = await Promise.all([startSluice(), launchChromium()]);
  user = await createUser(sluice.ready.api, "watched");
  streamKey = (await user.call<{ streamKey: string }>("POST", "/user/channel")).body.streamKey;
  const video = await user.call<{ url: string }>("POST", "/user/channel/videos", {
    title: "Tom & <b>Jerry</b>",
  });
  videoUrl = video.body.url;
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await sluice?.stop();
}, 30_000);

async function openPage(path: string): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage({ viewport: { width: 320, height: 640 } });
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  await page.goto(new URL(path, sluice.ready.api).href);
  return { page, problems };
}

const badge = (page: Page) => page.textContent("[data-badge]");
const notice = (page: Page) => page.textContent("[data-notice] p");
const realTime = (page: Page) => page.locator("[data-real-time]");

async function playInRealTime(): Promise<Page> {
  const { page } = await openPage(`/watch/${videoUrl}`);
  await realTime(page).click();
  await until(async () => await samplePlayback(page) ?? undefined, 20_000);
  await until(() => page.locator("[data-notice]").isHidden(), 10_000);
  return page;
}

test("waits, plays by itself, says when it is over and offers the recording", async () => {
  const { page, problems } = await openPage(`/watch/${videoUrl}`);
  await until(async () => /not begun/.test(await notice(page) ?? ""), 10_000);
  expect(await badge(page)).toBe("not live yet");
  expect(await page.textContent("h1")).toBe("Tom & <b>Jerry</b>");
  const overflow = await page.evaluate(() =>
    document.documentElement.scrollWidth - document.documentElement.clientWidth
  );
  expect(overflow).toBe(0);
  expect(await realTime(page).isVisible()).toBe(false);

  let inRealTime: Page;
  const publish = startPublish(`${sluice.ready.rtmp}/${streamKey}`);
  try {
    await until(async () => await samplePlayback(page) ?? undefined, 40_000);
    expect(await badge(page)).toBe("LIVE");
    await until(() => page.locator("[data-notice]").isHidden(), 10_000);
    await until(
      async () => (await page.textContent("[data-behind]"))?.endsWith(" s behind"),
      10_000,
    );
    expect(await realTime(page).isVisible()).toBe(true);
    inRealTime = await playInRealTime();
  } finally {
    await publish.stop();
  }
  // A publisher whose goodbye is cut short is waited for a minute.
  await until(async () => await badge(page) === "ended", 90_000);
  expect(await notice(page)).toMatch(/has ended/);
  expect(await realTime(page).isVisible()).toBe(false);
  await until(async () => await badge(inRealTime) === "ended", 10_000);
  expect(await realTime(inRealTime).isVisible()).toBe(false);
  await expect(inRealTime.waitForRequest(/\.flv$/, { timeout: 5000 })).rejects.toThrow();
  const offer = { name: "Watch the recording" };
  expect(await inRealTime.getByRole("button", offer).isVisible()).toBe(true);
  await inRealTime.close();
  // Also once the last pictures have been shown.
  await until(() => page.evaluate(() => document.querySelector("video")?.ended), 10_000);
  await page.getByRole("button", offer).click();
  await until(() => page.locator("[data-notice]").isHidden(), 20_000);
  await until(async () => {
    const sample = await samplePlayback(page);
    return sample !== null && sample.currentTimeS < 20;
  }, 20_000);
  expect(problems).toEqual([]);
  await page.close();
}, 210_000);

test("an unknown video is a page that leads home", async () => {
  const { page, problems } = await openPage("/watch/nosuchvideo1");
  expect(await page.textContent("h1")).toBe("No such video");
  await page.getByRole("link", { name: "What is live now" }).click();
  await until(async () => await page.textContent("h1") === "Live now", 10_000);
  expect(problems).toEqual([]);
  await page.close();
}, 30_000);
