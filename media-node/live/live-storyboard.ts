/**
 * The pictures of a broadcast that runs, for the seek bar of a player: at most 60 of them on one
 * sheet, which is a new image under a new name every ten seconds of media.
 *
 * Cues count from the broadcast's first frame, as those of a recording do. A live player does not
 * know that zero: its own time begins somewhere in the playlist. So each cue's identifier is the wall
 * clock of its start, on the clock of `EXT-X-PROGRAM-DATE-TIME` (a publisher that returns moves it).
 * A player that shows the date `d` (hls.js: `hls.playingDate`) at `currentTime` finds the cue `c` at
 * `currentTime + (Date.parse(c.id) - d) / 1000`; across a break, by the fragment whose
 * `programDateTime` is the last one before `c.id`.
 */
import { isAlike, type SplitJpeg, splitJpeg, stackJpegs } from "../formats/jpeg/stack-jpegs.ts";
import {
  CELL_INTERVAL_MS,
  type CellTime,
  keepCells,
  renderCells,
  type Sheet,
} from "./storyboard-cells.ts";

type Cell = CellTime & { readonly picture: SplitJpeg };

/** Sheets as they were: a player that has just read the WebVTT still finds its image. */
const KEPT_SHEETS = 4;
/** A picture of 160 pixels has 3 to 12 KB. */
const MAX_PICTURE_BYTES = 32 * 1024;
/** Pictures come every 5 s, or a little sooner where an encoder was started anew. */
const TOLERANCE_MS = 500;
const MAX_CLOCKS = 64;

export class LiveStoryboard {
  readonly #windowMs: number;
  readonly #now: () => number;
  #clocks: { readonly fromMs: number; readonly zeroAtMs: number }[] = [];
  #cells: readonly Cell[] = [];
  /** By number; the newest is the last one. An image is made when it is asked for. */
  readonly #sheets = new Map<number, { readonly cells: readonly Cell[]; image: Blob | null }>();
  #number = 0;

  /** `windowMs`: how far back a viewer can go. `now`: Unix ms, by default the system's. */
  constructor(windowMs: number, now: () => number = Date.now) {
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** From `fromMs` of the timeline on its zero lies at `zeroAtMs` of the wall clock (Unix ms). */
  useClock(fromMs: number, zeroAtMs: number): void {
    this.#clocks.push({ fromMs, zeroAtMs });
    this.#clocks.splice(0, this.#clocks.length - MAX_CLOCKS);
  }

  /** A JPEG of what is shown at `ptsMs` on the broadcast's timeline; most are not kept. */
  add(ptsMs: number, jpeg: Uint8Array): void {
    const newest = this.#cells.at(-1);
    const sinceMs = ptsMs - (newest?.ptsMs ?? -Infinity);
    if (sinceMs < CELL_INTERVAL_MS - TOLERANCE_MS || jpeg.length > MAX_PICTURE_BYTES) return;
    const picture = splitJpeg(jpeg);
    if (picture === null) return;
    // Of another encoder: it cannot stand on one sheet with those before.
    const before = newest === undefined || isAlike(newest.picture, picture) ? this.#cells : [];
    const cell = { ptsMs, wallClockMs: this.#wallClockOf(ptsMs), picture };
    this.#cells = keepCells([...before, cell], this.#windowMs);
    // A name is not used again, by a later broadcast of the video or a later process either.
    this.#number = Math.max(this.#number + 1, Math.floor(this.#now() / 1000));
    this.#sheets.set(this.#number, { cells: this.#cells, image: null });
    for (const number of [...this.#sheets.keys()].slice(0, -KEPT_SHEETS)) {
      this.#sheets.delete(number);
    }
  }

  /** The cues, oldest first; none before there is a picture. */
  renderVtt(): string {
    return renderCells(this.#cells, this.#describeSheet());
  }

  /** The image of that number, a JPEG; null when it is forgotten, or never was. */
  image(number: number): Blob | null {
    const sheet = this.#sheets.get(number);
    if (sheet === undefined) return null;
    sheet.image ??= new Blob([stackJpegs(sheet.cells.map(({ picture }) => picture))]);
    return sheet.image;
  }

  #describeSheet(): Sheet | null {
    const [first] = this.#cells;
    if (first === undefined) return null;
    const { width, height, codedHeight: stepPx } = first.picture;
    return { image: `storyboard-${this.#number}.jpg`, width, height, stepPx };
  }

  #wallClockOf(ptsMs: number): number {
    // A clock counts from a time that was rounded.
    const clock = this.#clocks.findLast(({ fromMs }) => fromMs <= ptsMs + 1) ?? this.#clocks[0];
    return Math.round((clock?.zeroAtMs ?? this.#now() - ptsMs) + ptsMs);
  }
}
