/**
 * Whether a machine shows what it has loaded, told from the frames it dropped and from the time that the
 * picture took. Pure.
 */

/** What a media element says. */
export type FrameCount = {
  readonly atMs: number;
  /** Frames so far, in all and left out. */
  readonly frames: number;
  readonly dropped: number;
  /** Where in the media the picture is. */
  readonly timeS: number;
  /** There is something to show, and somebody to see it. */
  readonly isDue: boolean;
};

export type FrameWatch = {
  readonly last: FrameCount;
  /** The window so far: time in which a picture was due, media that passed, frames. */
  readonly dueMs: number;
  readonly mediaMs: number;
  readonly frames: number;
  readonly dropped: number;
  /** What was shown in the last window, as a share of what was due; null: none is over yet. */
  readonly share: number | null;
  /** Windows in a row in which it was too little. */
  readonly poor: number;
};

const WINDOW_MS = 2000;
/** Less is not taken for a moving picture. */
const ENOUGH = 0.66;
const POOR_WINDOWS = 2;
/** A smaller picture is the cure where it shows so much more; below this it is tried in any case. */
const CURE = 1.15;
const HARDLY = 0.25;

/** A picture that catches up plays no faster; a look is so far off at most. */
const FASTEST = 2;
const ROUNDING_MS = 300;

const NOTHING = { dueMs: 0, mediaMs: 0, frames: 0, dropped: 0 };

export function newWatch(count: FrameCount): FrameWatch {
  return { last: count, ...NOTHING, share: null, poor: 0 };
}

/** Looks once more: some ten times a second. */
export function noteCount(watch: FrameWatch, count: FrameCount): FrameWatch {
  const { last } = watch;
  const frames = count.frames - last.frames;
  // Another media source counts anew.
  if (frames < 0) return newWatch(count);
  if (!count.isDue || !last.isDue) return { ...watch, last: count };
  const window = {
    dueMs: watch.dueMs + count.atMs - last.atMs,
    mediaMs: watch.mediaMs + playedMs(last, count),
    frames: watch.frames + frames,
    dropped: watch.dropped + count.dropped - last.dropped,
  };
  if (window.dueMs < WINDOW_MS) return { ...watch, ...window, last: count };
  const share = shareOf(window);
  return { last: count, ...NOTHING, share, poor: share < ENOUGH ? watch.poor + 1 : 0 };
}

/** The media that passed, were it faster than its time; what a seek passes over does not. */
function playedMs(from: FrameCount, to: FrameCount): number {
  const playedMs = (to.timeS - from.timeS) * 1000;
  return playedMs > (to.atMs - from.atMs) * FASTEST + ROUNDING_MS ? 0 : Math.max(0, playedMs);
}

function shareOf(
  { dueMs, mediaMs, frames, dropped }: Omit<FrameWatch, "last" | "share" | "poor">,
): number {
  const kept = frames > 0 ? (frames - dropped) / frames : 1;
  return Math.min(1, mediaMs / dueMs) * kept;
}

/** Whether a picture is too much to show. */
export function isTooHeavy({ poor }: FrameWatch): boolean {
  return poor >= POOR_WINDOWS;
}

/**
 * Whether a smaller picture than one of which `share` is shown is worth trying; `above`: what was shown of
 * the larger one before. A screen slower than the picture shows no more of a smaller one.
 */
export function isSmallerWorthwhile(share: number, above: number | null): boolean {
  return above === null || share < HARDLY || share > above * CURE;
}

/**
 * The rendition to step down to from `level`, of which `share` is shown: the largest that is no more work
 * than what gets done, told from the `pixels` of each.
 */
export function lighterLevel(pixels: readonly number[], level: number, share: number): number {
  const done = (pixels[level] ?? 0) * share;
  return Math.max(0, Math.min(level - 1, pixels.findLastIndex((count) => count <= done)));
}
