/**
 * The cues of a storyboard: which part of which image is shown from when to when.
 */
import type { Area } from "./frame-numbers.ts";

export type StoryboardCue = {
  /** Its identifier; empty without one. */
  readonly id: string;
  readonly startS: number;
  readonly endS: number;
  readonly url: string;
  readonly area: Area;
};

const CUE = /^(?:(\S+)\n)?(\S+) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm;

/** The cues of the WebVTT at `url`, in its order. */
export async function readCues(url: string): Promise<StoryboardCue[]> {
  const text = await (await fetch(url)).text();
  return [...text.matchAll(CUE)].map(
    ([, id = "", start = "", end = "", image = "", ...numbers]) => {
      const [left = 0, top = 0, width = 0, height = 0] = numbers.map(Number);
      return {
        id,
        startS: toSeconds(start),
        endS: toSeconds(end),
        url: new URL(image, url).href,
        area: { left, top, width, height },
      };
    },
  );
}

/** `hh:mm:ss.mmm` */
function toSeconds(time: string): number {
  return time.split(":").reduce((seconds, part) => seconds * 60 + Number(part), 0);
}
