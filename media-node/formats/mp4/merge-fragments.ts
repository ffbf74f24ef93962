/**
 * The parts of a segment as one fragment: one `moof`, one `mdat`, one run of each track, as demuxers
 * know segments. Pure: the same parts always give the same bytes. It is done for every segment of
 * every rendition, so tables and media are copied run by run, not sample by sample.
 * @see ISO/IEC 14496-12 8.8
 */
import { BoxError, FieldReader, readBoxes } from "./boxes.ts";
import {
  AUDIO_TRACK_ID,
  FieldWriter,
  TRACK_FRAGMENT_BYTES,
  VIDEO_TRACK_ID,
  writeTrackFragmentHead,
} from "./fragment-writer.ts";

/**
 * `parts` are fragments as `writeFragment` makes them, in order. Every sample keeps its decode time,
 * its composition offset and its bytes. `sequenceNumber` is one more than that of the segment before:
 * VLC takes a number that was left out for a break in time.
 * @throws BoxError when a part is damaged
 */
export function mergeFragments(
  parts: readonly Uint8Array[],
  sequenceNumber: number,
): Uint8Array<ArrayBuffer> {
  const runs = parts.flatMap(readRuns);
  const tracks = [VIDEO_TRACK_ID, AUDIO_TRACK_ID]
    .map((trackId) => joinRuns(trackId, runs.filter((run) => run.trackId === trackId)))
    .filter(({ runs: own }) => own.length > 0);
  const moofBytes = tracks.reduce(
    (sum, track) => sum + TRACK_FRAGMENT_BYTES + rowsBytesOf(track),
    24,
  );
  const mediaBytes = runs.reduce((sum, { media }) => sum + media.length, 0);
  const writer = new FieldWriter(moofBytes + 8 + mediaBytes);
  writer.box(moofBytes, "moof");
  writer.fullBox(16, "mfhd", 0);
  writer.u32(sequenceNumber);
  let dataOffset = moofBytes + 8;
  for (const track of tracks) {
    writeTrack(writer, track, dataOffset);
    dataOffset += track.runs.reduce((sum, { media }) => sum + media.length, 0);
  }
  writer.box(8 + mediaBytes, "mdat");
  for (const track of tracks) for (const { media } of track.runs) writer.bytes(media);
  return writer.out;
}

/** A `traf` of a part. */
type Run = {
  readonly trackId: number;
  readonly decodeTicks: number;
  readonly durationTicks: number;
  /** Its rows in the `trun`: duration, size and flags of each sample, and its offset where there is one. */
  readonly rows: Uint8Array;
  readonly samples: number;
  readonly media: Uint8Array;
};

/** What rows of a track have in common, and when its last samples really end. */
type Track = {
  readonly trackId: number;
  readonly runs: readonly Run[];
  readonly hasOffsets: boolean;
  /** Of the last sample of each run. */
  readonly lastDurationTicks: readonly number[];
};

const ROW_BYTES = 12;
const ROW_BYTES_WITH_OFFSET = 16;
/** data-offset, sample duration, size and flags. */
const RUN_FLAGS = 0x701;
const RUN_FLAGS_WITH_OFFSETS = 0xf01;

function readRuns(part: Uint8Array): Run[] {
  return readBoxes(part).flatMap(({ type, offset, body }) => {
    if (type !== "moof") return [];
    const fromMoof = part.subarray(offset);
    return readBoxes(body).filter((box) => box.type === "traf")
      .map((traf) => readRun(traf.body, fromMoof));
  });
}

function readRun(traf: Uint8Array, fromMoof: Uint8Array): Run {
  const [tfhd, tfdt, trun] = readBoxes(traf);
  if (tfhd?.type !== "tfhd" || tfdt?.type !== "tfdt" || trun?.type !== "trun") {
    throw new BoxError("a track fragment is none of ours");
  }
  const header = new FieldReader(tfhd.body);
  header.uint32(); // flags
  const trackId = header.uint32();
  if (trackId !== VIDEO_TRACK_ID && trackId !== AUDIO_TRACK_ID) {
    throw new BoxError(`a fragment has a track ${trackId}`);
  }
  const time = new FieldReader(tfdt.body);
  time.uint32(); // version
  const reader = new FieldReader(trun.body);
  const flags = reader.uint32() & 0xffffff;
  if (flags !== RUN_FLAGS && flags !== RUN_FLAGS_WITH_OFFSETS) {
    throw new BoxError(`a run has the flags ${flags.toString(16)}`);
  }
  const samples = reader.uint32();
  const dataOffset = reader.int32();
  const rows = trun.body.subarray(12);
  const rowBytes = flags === RUN_FLAGS ? ROW_BYTES : ROW_BYTES_WITH_OFFSET;
  if (samples === 0 || rows.length !== samples * rowBytes) {
    throw new BoxError(`a run of ${samples} samples has ${rows.length} bytes`);
  }
  const { durationTicks, bytes } = sumRows(rows, rowBytes);
  if (dataOffset < 0 || dataOffset + bytes > fromMoof.length) {
    throw new BoxError(`samples end at byte ${dataOffset + bytes} of ${fromMoof.length}`);
  }
  const media = fromMoof.subarray(dataOffset, dataOffset + bytes);
  return { trackId, decodeTicks: time.uint64(), durationTicks, rows, samples, media };
}

function sumRows(rows: Uint8Array, rowBytes: number): { durationTicks: number; bytes: number } {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  let [durationTicks, bytes] = [0, 0];
  for (let at = 0; at < rows.length; at += rowBytes) {
    durationTicks += view.getUint32(at);
    bytes += view.getUint32(at + 4);
  }
  return { durationTicks, bytes };
}

/** The last sample of a run lasts until the next run, so that a hole between them stays where it was. */
function joinRuns(trackId: number, runs: readonly Run[]): Track {
  let endTicks = runs[0]?.decodeTicks ?? 0;
  const lastDurationTicks = runs.map((run, index) => {
    const last = lastDurationOf(run);
    const lastTicks = endTicks + run.durationTicks - last;
    const next = runs[index + 1]?.decodeTicks ?? lastTicks + last;
    const ticks = Math.max(0, next - lastTicks);
    endTicks = lastTicks + ticks;
    return ticks;
  });
  const hasOffsets = runs.some((run) => rowBytesOf(run) === ROW_BYTES_WITH_OFFSET);
  return { trackId, runs, hasOffsets, lastDurationTicks };
}

function lastDurationOf(run: Run): number {
  const at = run.rows.byteOffset + run.rows.length - rowBytesOf(run);
  return new DataView(run.rows.buffer, at, 4).getUint32(0);
}

const rowBytesOf = ({ rows, samples }: Run) => rows.length / samples;
const rowsBytesOf = ({ runs, hasOffsets }: Track) =>
  runs.reduce((sum, run) => sum + run.samples, 0) *
  (hasOffsets ? ROW_BYTES_WITH_OFFSET : ROW_BYTES);

function writeTrack(writer: FieldWriter, track: Track, dataOffset: number): void {
  const { trackId, runs, hasOffsets, lastDurationTicks } = track;
  writeTrackFragmentHead(writer, {
    trackId,
    decodeTicks: runs[0]?.decodeTicks ?? 0,
    samples: runs.reduce((sum, run) => sum + run.samples, 0),
    hasOffsets,
    dataOffset,
  });
  for (const [index, run] of runs.entries()) {
    const rowBytes = rowBytesOf(run);
    const lastAt = run.rows.length - rowBytes;
    if (hasOffsets && rowBytes === ROW_BYTES) {
      for (let at = 0; at < run.rows.length; at += rowBytes) {
        writer.bytes(run.rows.subarray(at, at + rowBytes));
        writer.u32(0); // sample_composition_time_offset
      }
      writer.patchU32(ROW_BYTES_WITH_OFFSET, lastDurationTicks[index] ?? 0);
    } else {
      writer.bytes(run.rows.subarray(0, lastAt));
      writer.u32(lastDurationTicks[index] ?? 0); // sample_duration
      writer.bytes(run.rows.subarray(lastAt + 4));
    }
  }
}
