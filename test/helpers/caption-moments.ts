/**
 * What captions a page shows with which picture: the pictures say their numbers.
 */
import type { Page } from "playwright-core";
import { NUMBER_BITS } from "./ffmpeg.ts";

export type CaptionMoment = {
  /** Which media element it was in, from 0. */
  readonly element: number;
  /** Of the picture, on the player's timeline. */
  readonly timeS: number;
  readonly number: number;
  readonly heightPx: number;
  /** Of captions there are to choose. */
  readonly tracks: number;
  readonly isOn: boolean;
  /** On the screen, with when they begin. */
  readonly shown: readonly { readonly text: string; readonly fromS: number }[];
};

export type KeptCue = { readonly fromS: number; readonly toS: number; readonly text: string };

/** Call it before the page is opened. */
export async function watchCaptions(page: Page): Promise<void> {
  await page.addInitScript(noteMoments, NUMBER_BITS);
}

export const captionMoments = (page: Page) =>
  page.evaluate(() => (window as unknown as { captionMoments: CaptionMoment[] }).captionMoments);

/** All that the first captions of the page have at this moment; none while they are off. */
export function keptCues(page: Page): Promise<KeptCue[]> {
  return page.evaluate(() => {
    const tracks = [...document.querySelector("video")?.textTracks ?? []];
    const cues = [...tracks.find(({ kind }) => kind === "captions")?.cues ?? []] as VTTCue[];
    return cues.map(({ startTime: fromS, endTime: toS, text }) => ({ fromS, toS, text }));
  });
}

/** Runs in the page. */
function noteMoments(bits: number): void {
  const moments: CaptionMoment[] = [];
  Object.assign(window, { captionMoments: moments });
  const canvas = document.createElement("canvas");
  canvas.width = bits;
  canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const numberOf = (video: HTMLVideoElement) => {
    context?.drawImage(video, 0, 0, bits, 1);
    const { data = [] } = context?.getImageData(0, 0, bits, 1) ?? {};
    const columns = Array.from({ length: bits }, (_, bit) => data[bit * 4] ?? 0);
    return columns.reduce((sum, shade, bit) => sum + (shade >= 128 ? 2 ** bit : 0), 0);
  };
  let element = -1;
  const follow = (video: HTMLVideoElement, of: number) => {
    video.requestVideoFrameCallback((_nowMs, { mediaTime: timeS }) => {
      const tracks = [...video.textTracks].filter(({ kind }) => kind === "captions");
      const shown = tracks.filter(({ mode }) => mode === "showing");
      moments.push({
        element: of,
        timeS,
        number: numberOf(video),
        heightPx: video.videoHeight,
        tracks: tracks.length,
        isOn: shown.length > 0,
        shown: shown.flatMap(({ activeCues }) =>
          ([...activeCues ?? []] as VTTCue[]).map(({ text, startTime: fromS }) => ({ text, fromS }))
        ),
      });
      follow(video, of);
    });
  };
  let last: HTMLVideoElement | null = null;
  setInterval(() => {
    const video = document.querySelector("video");
    if (video === null || video === last) return;
    last = video;
    element += 1;
    follow(video, element);
  }, 20);
}
