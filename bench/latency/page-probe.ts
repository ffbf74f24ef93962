/**
 * Runs inside the page: reads the clock off every frame that is shown.
 */
import type { Page } from "playwright-core";
import { CLOCK } from "./clock-frame.ts";

/** All Unix ms. */
export type ProbeResult = {
  readonly openedAtMs: number;
  readonly firstFrameAtMs: number | null;
  /** When a frame was shown, and how long before that it was taken. */
  readonly frames: readonly { readonly shownAtMs: number; readonly latencyMs: number }[];
  readonly stalls: number;
  readonly unreadable: number;
};

type ProbedWindow = { probe: () => ProbeResult; resetProbe: () => void };

/** Watches the first video element of every page that `page` opens from now on. */
export async function installProbe(page: Page): Promise<void> {
  await page.addInitScript(probeFrames, CLOCK);
}

export function readProbe(page: Page): Promise<ProbeResult> {
  return page.evaluate(() => (window as unknown as ProbedWindow).probe());
}

/** Forgets frames and stalls so far. */
export async function resetProbe(page: Page): Promise<void> {
  await page.evaluate(() => (window as unknown as ProbedWindow).resetProbe());
}

function probeFrames(clock: typeof CLOCK): void {
  const { columns, rows, bits } = clock;
  const PIXELS = 8;
  const canvas = document.createElement("canvas");
  canvas.width = columns * PIXELS;
  canvas.height = rows * 2 * PIXELS;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let frames: { shownAtMs: number; latencyMs: number }[] = [];
  let firstFrameAtMs: number | null = null;
  let stalls = 0;
  let unreadable = 0;

  const readStamp = (video: HTMLVideoElement): number | null => {
    if (context === null) return null;
    const stripHeight = video.videoWidth * clock.blockShare * rows * 2;
    const { width, height } = canvas;
    context.drawImage(video, 0, 0, video.videoWidth, stripHeight, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const valueAt = (column: number, row: number) =>
      data[((row * PIXELS + PIXELS / 2) * width + column * PIXELS + PIXELS / 2) * 4] ?? 0;
    let stamp = 0;
    for (let bit = 0; bit < bits; bit += 1) {
      const row = Math.floor(bit / columns);
      const value = valueAt(bit % columns, row);
      const inverse = valueAt(bit % columns, row + rows);
      if (Math.abs(value - inverse) < 60) return null;
      if (value > inverse) stamp += 2 ** bit;
    }
    // 40 bits of today's Unix ms: the bits above do not change for another eleven years.
    return stamp + Math.floor(Date.now() / 2 ** bits) * 2 ** bits;
  };

  const watch = (video: HTMLVideoElement) => {
    const onFrame: VideoFrameRequestCallback = (_now, { expectedDisplayTime }) => {
      const shownAtMs = performance.timeOrigin + expectedDisplayTime;
      firstFrameAtMs ??= shownAtMs;
      const stamp = readStamp(video);
      if (stamp === null) unreadable += 1;
      else frames.push({ shownAtMs, latencyMs: shownAtMs - stamp });
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
    video.addEventListener("waiting", () => {
      if (firstFrameAtMs !== null && !video.seeking) stalls += 1;
    });
  };
  const find = () => {
    const video = document.querySelector("video");
    if (video === null) setTimeout(find, 5);
    else watch(video);
  };
  find();

  const probed = window as unknown as ProbedWindow;
  probed.probe = () => ({
    openedAtMs: performance.timeOrigin,
    firstFrameAtMs,
    frames,
    stalls,
    unreadable,
  });
  probed.resetProbe = () => {
    frames = [];
    stalls = 0;
    unreadable = 0;
  };
}
