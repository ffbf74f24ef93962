/**
 * From the operator's ladder and the source as seen on the wire to the rungs of one broadcast.
 */
import type { SourceFacts } from "#shared/contracts/broadcast.ts";
import type { LadderRung } from "#shared/contracts/ladder.ts";
import type { RungPlan } from "../formats/media.ts";
import { toFrameRate } from "../formats/frame-rate.ts";

export type LadderPlan = {
  /** Low to high, at least one. */
  readonly rungs: readonly RungPlan[];
  /** Output frames per second of every encoded rung; null without video. */
  readonly fps: number | null;
};

const DEFAULT_FPS = 30;
const MAX_FPS = 60;

/**
 * The rungs that do not exceed the source's short side, with even dimensions in the proportions in
 * which it is shown: `displayWidth` beside its height, where its pixels are not square.
 * A source that at most the lowest one fits into keeps the next one as well, at its own size; one
 * without video gets a single rung without a size.
 */
export function planLadder(
  ladder: readonly LadderRung[],
  source: SourceFacts,
  displayWidth: number | null = null,
): LadderPlan {
  const lowest = ladder[0];
  if (lowest === undefined) throw new RangeError("the ladder has no rungs");
  const { video } = source;
  if (video === null) {
    const isCopy = source.audio?.codec.startsWith("mp4a") ?? false;
    const rung = { name: lowest.name, width: null, height: null, videoBitrateBps: 0, isCopy };
    return { rungs: [rung], fps: null };
  }
  const shape = { width: displayWidth ?? video.width, height: video.height };
  const sourceShortSide = Math.min(shape.width, shape.height);
  const rungs = rungsFor(ladder, sourceShortSide).map((rung) => ({
    name: rung.name,
    ...scaleTo(rung.shortSidePx, shape),
    videoBitrateBps: rung.videoBitrateBps,
    isCopy: false,
  }));
  return { rungs, fps: planFps(video.fps) };
}

function rungsFor(ladder: readonly LadderRung[], shortSidePx: number): readonly LadderRung[] {
  const fitting = ladder.filter((rung) => rung.shortSidePx <= shortSidePx);
  const next = ladder[fitting.length];
  const isShownWhole = fitting.length > 1 || fitting[0]?.shortSidePx === shortSidePx;
  return isShownWhole || next === undefined ? fitting : [...fitting, { ...next, shortSidePx }];
}

type Size = { readonly width: number; readonly height: number };

/** `size` with its short side at most `shortSidePx`, both sides even and never above the source. */
function scaleTo(shortSidePx: number, size: Size): Size {
  const scale = shortSidePx / Math.min(size.width, size.height);
  const fit = (side: number) =>
    Math.max(2, Math.min(2 * Math.round((side * scale) / 2), 2 * Math.floor(side / 2)));
  return { width: fit(size.width), height: fit(size.height) };
}

function planFps(sourceFps: number | null): number {
  const rate = toFrameRate(Math.min(sourceFps ?? DEFAULT_FPS, MAX_FPS));
  return rate.num / rate.den;
}
