/**
 * A real headless Chromium for tests, driven by playwright-core.
 */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import type { LaunchOptions } from "./browsers/any-browser.ts";

const CANDIDATES = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** Everything plays by itself; nothing with sound does before a click; or nothing at all does. */
const POLICIES = {
  none: "no-user-gesture-required",
  sound: "document-user-activation-required",
  all: "user-gesture-required",
};

export type ChromiumOptions = LaunchOptions & {
  /** As a browser that has not been clicked yet; default: it lets everything sound. */
  readonly isSoundBlocked?: boolean;
};

/** Starts Chromium with software decoding and no calls home; a new profile each time. */
export async function launchChromium(options: ChromiumOptions = {}): Promise<Browser> {
  const { isSoundBlocked = false, isAutoplayBlocked = false } = options;
  const policy = POLICIES[isAutoplayBlocked ? "all" : isSoundBlocked ? "sound" : "none"];
  const executablePath = CANDIDATES.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error(`no Chromium at ${CANDIDATES.join(", ")}`);
  return await chromium.launch({
    executablePath,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--autoplay-policy=${policy}`,
    ],
  });
}

/** What a `<video>` element shows at one moment. */
export type PlaybackSample = {
  /** Unix ms in the page. */
  readonly atMs: number;
  readonly currentTimeS: number;
  readonly isPaused: boolean;
  readonly videoWidth: number;
  readonly decodedFrames: number;
  /** A few pixels of the picture, so that two samples of a moving picture differ. */
  readonly pixels: string;
};

/** Samples the page's first `<video>`; null while there is none or it has no picture yet. */
export function samplePlayback(page: Page): Promise<PlaybackSample | null> {
  return page.evaluate(() => {
    const video = document.querySelector("video");
    if (video === null || video.readyState < 2 || video.videoWidth === 0) return null;
    const canvas = document.createElement("canvas");
    canvas.width = 32;
    canvas.height = 18;
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("no 2d canvas");
    context.drawImage(video, 0, 0, 32, 18);
    return {
      atMs: Date.now(),
      currentTimeS: video.currentTime,
      isPaused: video.paused,
      videoWidth: video.videoWidth,
      decodedFrames: video.getVideoPlaybackQuality().totalVideoFrames,
      pixels: Array.from(context.getImageData(0, 0, 32, 18).data).join(),
    };
  });
}
