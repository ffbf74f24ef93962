/**
 * The player for who uses no mouse, or hears what is on the screen: every control by Tab, every key, the
 * names and roles a screen reader says, and axe over all that a page goes through.
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SluicePlayer } from "#web/player/element/sluice-player.ts";
import { createUser } from "../helpers/api-client.ts";
import { launchChromium } from "../helpers/chromium.ts";
import type { Publish } from "../helpers/ffmpeg.ts";
import { type ForeignSite, serveForeignSite } from "../helpers/foreign-page.ts";
import { startPublish } from "../helpers/publish.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

const START_MS = 20_000;
const SCHEMES = ["light", "dark"] as const;
/** To seek back by ten seconds, and once more by five. */
const HISTORY_S = 16;

let sluice: RunningSluice;
let browser: Browser;
let site: ForeignSite;
let publisher: Publish | undefined;
let publishUrl: string;
/** The watch page, and somebody else's. */
let pages: readonly Page[];
let page: Page;

beforeAll(async () => {
  const env = { LADDER: "low=144@250,mid=240@700" };
  [sluice, browser] = await Promise.all([startSluice({ env }), launchChromium()]);
  site = serveForeignSite(sluice.ready);
  const user = await createUser(sluice.ready.api, "reader");
  const { streamKey } = (await user.call<{ streamKey: string }>("POST", "/user/channel")).body;
  publishUrl = `${sluice.ready.rtmp}/${streamKey}`;
  const { body: video } = await user.call<{ url: string; playbackUrl: string }>(
    "POST",
    "/user/channel/videos",
    { title: "Read out" },
  );
  const tag = `<sluice-player src="${video.playbackUrl}" autoplay muted controls></sluice-player>`;
  ({ page } = await site.open(browser, tag));
  const watch = await (await browser.newContext()).newPage();
  await watch.goto(`${sluice.ready.api}/watch/${video.url}`);
  pages = [watch, page];
}, 90_000);

afterAll(async () => {
  await publisher?.kill();
  await browser?.close();
  await site?.stop();
  await sluice?.stop();
}, 30_000);

const stateOf = (of: Page) =>
  of.evaluate(() => document.querySelector<SluicePlayer>("sluice-player")?.screen?.state);

async function untilState(state: string): Promise<void> {
  await Promise.all(
    pages.map((each) => until(async () => await stateOf(each) === state, START_MS)),
  );
}

/** What axe finds on all pages, in both colour schemes. */
async function findViolations(): Promise<string[]> {
  const found: string[] = [];
  for (const each of pages) {
    for (const colorScheme of SCHEMES) {
      await each.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page: each }).analyze();
      found.push(
        ...violations.map(({ id, nodes }) =>
          `${colorScheme} ${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`
        ),
      );
    }
  }
  return found;
}

/** What has the focus, by its accessible name. */
const focused = () =>
  page.evaluate(() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element?.ariaLabel ?? element?.textContent?.trim() ?? "";
  });

const region = () => page.getByRole("region", { name: "video player" });

type VideoFacts = {
  readonly timeS: number;
  readonly startS: number;
  readonly isPaused: boolean;
  readonly isMuted: boolean;
  readonly isFullscreen: boolean;
  readonly rate: number;
  readonly volume: number;
  readonly state: string | undefined;
};

const videoFacts = (): Promise<VideoFacts> =>
  page.evaluate(() => {
    const player = document.querySelector<SluicePlayer>("sluice-player");
    const video = player?.video;
    if (!player || !video) throw new Error("no player");
    return {
      timeS: video.currentTime,
      startS: video.seekable.length > 0 ? video.seekable.start(0) : 0,
      isPaused: video.paused,
      isMuted: video.muted,
      isFullscreen: document.fullscreenElement === player,
      rate: video.playbackRate,
      volume: video.volume,
      state: player.screen?.state,
    };
  });

/** Presses `key` where the picture has the focus; what comes of it. */
async function press(key: string, isDone: (facts: VideoFacts, before: VideoFacts) => boolean) {
  const before = await videoFacts();
  await page.keyboard.press(key);
  await until(async () => isDone(await videoFacts(), before), 5000).catch(
    async (error: unknown) => {
      throw new Error(`${key}: ${JSON.stringify([before, await videoFacts()])}`, { cause: error });
    },
  );
}

const around = (timeS: number, expectedS: number) => Math.abs(timeS - expectedS) < 3;
const movesBy = (seconds: number) => (facts: VideoFacts, before: VideoFacts) =>
  around(facts.timeS, before.timeS + seconds);

test("a page that waits is nothing to complain about", async () => {
  await untilState("waiting");
  expect(await findViolations()).toEqual([]);
  expect(await page.getByRole("status").textContent()).toMatch(/not begun/);
}, 60_000);

describe("a live picture", () => {
  beforeAll(async () => {
    publisher = startPublish(publishUrl, { size: "426x240", videoBitrate: "500k" });
    await untilState("live");
    await Promise.all(
      pages.map((each) =>
        each.locator("media-control-bar media-play-button").waitFor({ timeout: START_MS })
      ),
    );
  }, 60_000);

  test("is nothing to complain about", async () => {
    expect(await findViolations()).toEqual([]);
  }, 60_000);

  test("has roles and names", async () => {
    const tree = await region().ariaSnapshot();
    for (
      const line of [
        /slider "seek"/,
        /button "pause"/,
        /button "unmute"/,
        /slider "volume"/,
        /button "playing live"/,
        /button "settings"/,
        /button "enter picture in picture mode"/,
        /button "enter fullscreen mode"/,
        /button "Tap to unmute"/,
      ]
    ) expect(tree).toMatch(line);
  });

  test("lets Tab reach every control", async () => {
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    const reached: string[] = [];
    await until(async () => {
      await page.keyboard.press("Tab");
      reached.push(await focused());
      return reached.at(-1) === "enter fullscreen mode";
    }, 10_000);
    expect(reached).toEqual([
      "video player",
      "Tap to unmute",
      "seek",
      "pause",
      "unmute",
      "volume",
      "playing live",
      "settings",
      "enter picture in picture mode",
      "enter fullscreen mode",
    ]);
  });

  test("is ruled by keys", async () => {
    await until(async () => (await videoFacts()).timeS > HISTORY_S, 30_000);
    await region().focus();
    await press(" ", ({ isPaused }) => isPaused);
    await press(",", ({ timeS }, before) => timeS < before.timeS);
    await press(".", ({ timeS }, before) => timeS > before.timeS);
    await press("k", ({ isPaused }) => !isPaused);
    await press("m", ({ isMuted }) => !isMuted);
    await press("m", ({ isMuted }) => isMuted);
    await press("ArrowDown", ({ volume }) => volume < 0.97);
    await press("ArrowUp", ({ volume, isMuted }) => volume > 0.97 && !isMuted);
    await press("j", movesBy(-10));
    await press("ArrowLeft", movesBy(-5));
    await press("ArrowRight", movesBy(5));
    await press("l", ({ timeS }, before) => timeS > before.timeS + 7);
    await press("Home", ({ timeS, startS }) => around(timeS, startS));
    await press("5", ({ timeS, startS }) => timeS > startS + 5);
    await press("0", ({ timeS, startS }) => around(timeS, startS));
    await press("End", ({ state }) => state === "live");
    await press("f", ({ isFullscreen }) => isFullscreen);
    await press("f", ({ isFullscreen }) => !isFullscreen);
  }, 90_000);

  test("explains its keys, until Escape", async () => {
    const help = page.getByRole("dialog", { name: "Keys" });
    await region().focus();
    await page.keyboard.press("?");
    await help.waitFor({ timeout: 5000 });
    expect(await help.textContent()).toContain("Play or pause");
    for (const each of pages) {
      if (each !== page) await each.locator("media-controller").press("?");
    }
    expect(await findViolations()).toEqual([]);
    await page.keyboard.press("Escape");
    await help.waitFor({ state: "hidden", timeout: 5000 });
    expect(await focused()).toBe("video player");
    for (const each of pages) if (each !== page) await each.keyboard.press("Escape");
  }, 60_000);

  test("opens its menus by keyboard, and closes them with Escape", async () => {
    const settings = (of: Page) => of.getByRole("button", { name: "settings" });
    for (const each of pages) {
      await settings(each).press("Enter");
      await each.getByRole("menuitem", { name: /^Quality/ }).waitFor({ timeout: 5000 });
    }
    expect(await findViolations()).toEqual([]);
    await page.getByRole("menuitem", { name: /^Quality/ }).press("Enter");
    const choice = page.getByRole("menuitemradio", { name: /^Auto/ });
    await choice.waitFor({ timeout: 5000 });
    expect(await findViolations()).toEqual([]);
    for (const each of pages) {
      const menu = each.locator("media-settings-menu");
      await until(async () => {
        await each.keyboard.press("Escape");
        return !await menu.isVisible();
      }, 5000);
    }
    expect(await focused()).toBe("settings");
  }, 90_000);
});

describe("after the end", () => {
  test("words and an offer are nothing to complain about", async () => {
    await publisher?.stop();
    await untilState("ended");
    expect(await findViolations()).toEqual([]);
    for (const each of pages) expect(await each.getByRole("status").textContent()).toMatch(/ended/);
  }, 90_000);

  test("the recording is nothing to complain about, and its speed has keys", async () => {
    for (const each of pages) {
      await each.getByRole("button", { name: "Watch the recording" }).press("Enter");
    }
    await untilState("recording");
    expect(await findViolations()).toEqual([]);
    await region().focus();
    await press(">", ({ rate }) => rate > 1);
    await press("<", ({ rate }) => rate === 1);
    await press("End", ({ state, timeS }) => state === "recording" && timeS > HISTORY_S);
  }, 90_000);
});
