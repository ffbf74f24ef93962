/**
 * The players of other people's pages in Chromium: hls.js and Shaka, each in a page of its own.
 */
import { fileURLToPath } from "node:url";
import type HlsJs from "hls.js";
import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";
import { until } from "./until.ts";

const HLS_JS = fileURLToPath(import.meta.resolve("hls.js/dist/hls.min.js"));
const SHAKA = fileURLToPath(import.meta.resolve("shaka-player/dist/shaka-player.compiled.js"));

export type PageFacts = {
  readonly positionS: number;
  readonly widthPx: number;
  /** Only what ended the playback. */
  readonly errors: readonly string[];
};

async function openPage(browser: Browser, script: string): Promise<Page> {
  const page = await browser.newPage();
  await page.setContent("<video muted autoplay></video>");
  await page.addScriptTag({ path: script });
  return page;
}

/** hls.js as it comes: low latency. */
export const openHlsJs = (browser: Browser, url: string) => loadInHlsJs(browser, url, true);

export const openPlainHlsJs = (browser: Browser, url: string) => loadInHlsJs(browser, url, false);

async function loadInHlsJs(browser: Browser, url: string, lowLatencyMode: boolean): Promise<Page> {
  const page = await openPage(browser, HLS_JS);
  await page.evaluate(({ source, lowLatencyMode }) => {
    const { Hls } = window as unknown as { Hls: typeof HlsJs };
    const errors: string[] = [];
    Object.assign(window, { errors });
    const hls = new Hls({ lowLatencyMode });
    Object.assign(window, { hls });
    hls.on(Hls.Events.ERROR, (_, { fatal, details }) => {
      if (fatal) errors.push(details);
    });
    hls.loadSource(source);
    hls.attachMedia(document.querySelector("video") ?? document.createElement("video"));
  }, { source: url, lowLatencyMode });
  return page;
}

export async function openShaka(browser: Browser, url: string): Promise<Page> {
  const page = await openPage(browser, SHAKA);
  await page.evaluate(async (source) => {
    type Player = {
      attach(video: HTMLVideoElement): Promise<void>;
      load(source: string): Promise<void>;
      addEventListener(name: string, listener: (event: Event) => void): void;
    };
    const { shaka } = window as unknown as { shaka: { Player: new () => Player } };
    const errors: string[] = [];
    Object.assign(window, { errors });
    const player = new shaka.Player();
    player.addEventListener("error", (event) => {
      const { detail } = event as CustomEvent<{ code: number; severity: number }>;
      if (detail.severity === 2) errors.push(`shaka error ${detail.code}`);
    });
    await player.attach(document.querySelector("video") ?? document.createElement("video"));
    await player.load(source);
  }, url);
  return page;
}

export const factsOf = (page: Page): Promise<PageFacts> =>
  page.evaluate(() => {
    const video = document.querySelector("video");
    return {
      positionS: video?.currentTime ?? 0,
      widthPx: video?.videoWidth ?? 0,
      errors: (window as unknown as { errors: string[] }).errors,
    };
  });

const DEADLINE_MS = 15_000;

/** The page's video moves on by so many seconds, without a fatal error. */
export async function expectProgress(page: Page, seconds: number): Promise<void> {
  const first = await until(async () => {
    const facts = await factsOf(page);
    return facts.positionS > 0 || facts.errors.length > 0 ? facts : null;
  }, DEADLINE_MS);
  const isFurther = async () => {
    const facts = await factsOf(page);
    return facts.positionS > first.positionS + seconds || facts.errors.length > 0;
  };
  await until(isFurther, DEADLINE_MS);
  expect((await factsOf(page)).errors).toEqual([]);
}
