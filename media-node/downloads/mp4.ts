/**
 * A recording as one plain MP4, without decoding: the samples of its segments in order, behind a
 * table of all of them.
 *
 * Read twice: once to count the samples, once to hand on their bytes. So nothing is kept but the
 * table, no temporary file is needed, and the same recording always gives the same bytes.
 */
import type { RecordedSegment } from "#shared/hls/recorded-playlist.ts";
import { BoxError } from "../formats/mp4/boxes.ts";
import { writeMp4Header } from "./mp4-header.ts";
import {
  type InitTrack,
  readInitTracks,
  readSegmentRuns,
  type SegmentRun,
} from "../formats/mp4/segment-runs.ts";
import { TrackTable } from "./track-table.ts";

export type Mp4Source = {
  readonly segments: readonly RecordedSegment[];
  /** The object under a storage key. */
  readonly read: (key: string) => Promise<Uint8Array>;
};

export type Mp4Plan = {
  readonly header: Uint8Array;
  readonly mediaBytes: number;
  readonly durationS: number;
};

/**
 * Counts the samples. Times start at 0 and run on over discontinuities: what follows one starts
 * where the video before it ended. `onSegment` is called after each segment.
 * @throws BoxError when a segment is not what it should be
 */
export async function planMp4(source: Mp4Source, onSegment: () => void): Promise<Mp4Plan> {
  const movie = new Movie();
  let initKey = "";
  let tracks: readonly InitTrack[] = [];
  for (const segment of source.segments) {
    if (segment.initKey !== initKey) {
      tracks = readInitTracks(await source.read(segment.initKey));
      initKey = segment.initKey;
    }
    if (segment.isDiscontinuous) movie.breakTimeline();
    movie.add(tracks, readSegmentRuns(await source.read(segment.key)));
    onSegment();
  }
  return movie.finish();
}

/** The bytes of the MP4, header first. @throws BoxError when segments have changed since the plan */
export async function* streamMp4(
  source: Mp4Source,
  plan: Mp4Plan,
  onSegment: () => void,
): AsyncGenerator<Uint8Array> {
  yield plan.header;
  let sentBytes = 0;
  for (const { key } of source.segments) {
    const segment = await source.read(key);
    for (const { offset, bytes } of readSegmentRuns(segment)) {
      sentBytes += bytes;
      yield segment.subarray(offset, offset + bytes);
    }
    onSegment();
  }
  if (sentBytes !== plan.mediaBytes) {
    throw new BoxError(`${sentBytes} bytes of samples, where ${plan.mediaBytes} were counted`);
  }
}

/** Where the samples between two discontinuities go. */
type Stretch = {
  /** The time of its first sample by its own clock. */
  readonly clockS: number;
  /** The same moment in the MP4. */
  readonly startS: number;
};

class Movie {
  readonly #tables = new Map<InitTrack["kind"], TrackTable>();
  #stretch: Stretch | null = null;
  #endS = 0;
  #mediaBytes = 0;

  breakTimeline(): void {
    this.#stretch = null;
  }

  add(tracks: readonly InitTrack[], runs: readonly SegmentRun[]): void {
    for (const run of runs) {
      const track = tracks.find(({ trackId }) => trackId === run.trackId);
      if (track === undefined) throw new BoxError(`track ${run.trackId} has no description`);
      this.#stretch ??= this.#begin(tracks, runs);
      const table = this.#tableOf(track);
      const { clockS, startS } = this.#stretch;
      const { samples } = run;
      const decodeTicks = Math.round(run.decodeTicks * (table.timescale / track.timescale)) +
        Math.round((startS - clockS) * table.timescale);
      table.add({ track, decodeTicks, samples, offset: this.#mediaBytes });
      this.#mediaBytes += run.bytes;
    }
    // Audio may end a frame later: the next stretch waits for the pictures alone.
    const timed = this.#tables.get("video") ?? this.#tables.get("audio");
    if (timed !== undefined) this.#endS = Math.max(this.#endS, timed.endTicks / timed.timescale);
  }

  /**
   * What comes first begins the movie; after a break the next picture follows the last one, though
   * sound may begin half a frame before it: else each break would make the movie longer.
   */
  #begin(tracks: readonly InitTrack[], runs: readonly SegmentRun[]): Stretch {
    const pictures = runs.filter(({ trackId }) =>
      tracks.find((track) => track.trackId === trackId)?.kind === "video"
    );
    const isFirst = this.#tables.size === 0;
    const first = isFirst || pictures.length === 0 ? runs : pictures;
    return { clockS: firstS(tracks, first), startS: this.#endS };
  }

  finish(): Mp4Plan {
    const tables = [...this.#tables.values()];
    if (tables.length === 0) throw new BoxError("the recording has no samples");
    for (const table of tables) table.finish();
    return {
      header: writeMp4Header(tables, this.#mediaBytes),
      mediaBytes: this.#mediaBytes,
      durationS: Math.max(...tables.map((table) => table.durationTicks / table.timescale)),
    };
  }

  #tableOf(track: InitTrack): TrackTable {
    const known = this.#tables.get(track.kind);
    if (known !== undefined) return known;
    const table = new TrackTable(track);
    this.#tables.set(track.kind, table);
    return table;
  }
}

function firstS(tracks: readonly InitTrack[], runs: readonly SegmentRun[]): number {
  return Math.min(...runs.map(({ trackId, decodeTicks }) => {
    const timescale = tracks.find((track) => track.trackId === trackId)?.timescale ?? 1;
    return decodeTicks / timescale;
  }));
}
