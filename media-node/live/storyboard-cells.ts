/**
 * Which pictures a live storyboard has, and what its WebVTT says of them. Pure.
 */
import { formatVttTime } from "#shared/hls/vtt-time.ts";

export type CellTime = {
  /** When it is shown, on the broadcast's timeline. */
  readonly ptsMs: number;
  /** The same moment as Unix ms: what `EXT-X-PROGRAM-DATE-TIME` says of it. */
  readonly wallClockMs: number;
};

export type Sheet = {
  /** The file name of the image. */
  readonly image: string;
  readonly width: number;
  readonly height: number;
  /** From the top of a cell to that of the next one below it, in pixels. */
  readonly stepPx: number;
};

/** So far apart cells join. */
export const CELL_INTERVAL_MS = 10_000;
export const MAX_CELLS = 60;

/**
 * `cells` (oldest first) without what is older than the window, at most `MAX_CELLS`. Where there are
 * more, one goes whose neighbours are close to each other for how long ago it was: the last minutes
 * keep a picture every ten seconds, what lies further back keeps fewer, to the end of the window.
 */
export function keepCells<T extends CellTime>(cells: readonly T[], windowMs: number): readonly T[] {
  const newestMs = cells.at(-1)?.ptsMs ?? 0;
  const kept = cells.filter(({ ptsMs }) => newestMs - ptsMs <= windowMs);
  while (kept.length > MAX_CELLS) kept.splice(leastMissed(kept, newestMs), 1);
  return kept;
}

/** The index of a cell that is neither the oldest nor the newest. */
function leastMissed(cells: readonly CellTime[], newestMs: number): number {
  let [index, least] = [1, Infinity];
  for (let at = 1; at < cells.length - 1; at += 1) {
    const timeOf = (n: number) => cells[n]?.ptsMs ?? 0;
    const missed = (timeOf(at + 1) - timeOf(at - 1)) / (newestMs - timeOf(at));
    if (missed < least) [index, least] = [at, missed];
  }
  return index;
}

/**
 * WebVTT whose cues are cells of `sheet`, from top to bottom. A cue lasts until the next one begins,
 * the last one for `CELL_INTERVAL_MS`. Its identifier is the wall clock of its start.
 * @see Media Fragments URI 1.0, section 4.2.2
 */
export function renderCells(cells: readonly CellTime[], sheet: Sheet | null): string {
  if (sheet === null) return "WEBVTT\n";
  const { image, width, height, stepPx } = sheet;
  const cues = cells.map(({ ptsMs, wallClockMs }, index) => {
    const endMs = cells[index + 1]?.ptsMs ?? ptsMs + CELL_INTERVAL_MS;
    return [
      new Date(wallClockMs).toISOString(),
      `${formatVttTime(ptsMs / 1000)} --> ${formatVttTime(endMs / 1000)}`,
      `${image}#xywh=0,${index * stepPx},${width},${height}`,
    ].join("\n");
  });
  return `WEBVTT\n\n${cues.join("\n\n")}\n`;
}
