/**
 * Watch pages in Chromium or any browser, and what a viewer read and saw on them from moment to moment.
 */
import type { Browser, Page } from "playwright-core";
import type { AnyPage } from "./browsers/any-browser.ts";
import { samplePlayback } from "./chromium.ts";
import { until } from "./until.ts";

/** What a page shows at one moment. */
export type SeenMoment = {
  /** Unix ms in the page, as the clock of the test's own machine. */
  readonly atMs: number;
  /** Null: no notice is to be seen. */
  readonly words: string | null;
  readonly badge: string;
  /** "0.9 s behind", or nothing. */
  readonly behind: string;
  readonly timeS: number;
  /** What is loaded from there on, in seconds. */
  readonly bufferS: number;
  /** Seeks so far, the viewer's and the page's own. */
  readonly seeks: number;
  /** Frames decoded of what is loaded. */
  readonly frames: number;
  /** How often the element has said so far that it was paused, or that it has ended. */
  readonly pauses: number;
  readonly ends: number;
};

export type WatchedPage = Watched & { readonly page: Page };
export type WatchedAnywhere<P extends AnyPage = AnyPage> = Watched & { readonly page: P };

type Watched = {
  /** Every tenth of a second since it was opened. */
  readonly moments: () => Promise<SeenMoment[]>;
  /** As it is now. */
  readonly now: () => Promise<SeenMoment>;
  readonly timeS: () => Promise<number>;
  readonly seekBy: (seconds: number) => Promise<void>;
};

/** Opens `url` in a context of its own; resolves once a picture is there. */
export async function openWatchedPage(browser: Browser, url: string): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: { width: 480, height: 720 } });
  await page.addInitScript(watchMoments);
  await page.goto(url);
  await until(() => samplePlayback(page), 40_000);
  return { page, ...watched(() => page.evaluate(readMoments), (by) => page.evaluate(seekBy, by)) };
}

/** The same in any browser, picture or not. */
export async function openAnywhere<P extends AnyPage>(
  browser: { readonly open: (url: string, watch: () => void) => Promise<P> },
  url: string,
): Promise<WatchedAnywhere<P>> {
  const page = await browser.open(url, watchMoments);
  const moments = () => page.evaluate(readMoments, null);
  return { page, ...watched(moments, (by) => page.evaluate(seekBy, by)) };
}

function watched(moments: Watched["moments"], seek: Watched["seekBy"]): Watched {
  const now = async () => {
    const last = (await moments()).at(-1);
    if (last === undefined) throw new Error("the page has shown nothing yet");
    return last;
  };
  return { moments, now, timeS: async () => (await now()).timeS, seekBy: seek };
}

/** Runs in the page. */
function readMoments(): SeenMoment[] {
  return (window as unknown as { moments: SeenMoment[] }).moments;
}

/** Runs in the page. */
function seekBy(seconds: number): void {
  const video = document.querySelector("video");
  if (video !== null) video.currentTime += seconds;
}

/** Runs in the page. */
function watchMoments(): void {
  const moments: SeenMoment[] = [];
  Object.assign(window, { moments });
  let [seeks, pauses, ends] = [0, 0, 0];
  const lastEnd = (ranges: TimeRanges) =>
    ranges.length === 0 ? null : ranges.end(ranges.length - 1);
  document.addEventListener("seeking", () => seeks += 1, true);
  document.addEventListener("pause", () => pauses += 1, true);
  document.addEventListener("ended", () => ends += 1, true);
  setInterval(() => {
    const video = document.querySelector("video");
    const notice = document.querySelector<HTMLElement>("[data-notice]");
    if (video === null || notice === null) return;
    moments.push({
      atMs: Date.now(),
      words: notice.hidden ? null : notice.querySelector("p")?.textContent ?? "",
      badge: document.querySelector("[data-badge]")?.textContent ?? "",
      behind: document.querySelector("[data-behind]")?.textContent ?? "",
      timeS: video.currentTime,
      bufferS: Math.max(0, (lastEnd(video.buffered) ?? 0) - video.currentTime),
      seeks,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      pauses,
      ends,
    });
  }, 100);
}
