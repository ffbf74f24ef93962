/**
 * What init segments and media segments say about their samples.
 * @see ISO/IEC 14496-12
 */
import {
  BoxError,
  FieldReader,
  findBox,
  type FragmentSample,
  readBoxes,
  readMovieFragment,
} from "./boxes.ts";

/** One track of an init segment. */
export type InitTrack = {
  readonly trackId: number;
  readonly kind: "video" | "audio";
  readonly timescale: number;
  /** The box in `stsd` as it is: `avc1` with its `avcC`, `mp4a` with its `esds`. */
  readonly sampleEntry: Uint8Array;
  readonly width: number;
  readonly height: number;
};

/** Samples of one track whose bytes lie one after the other. */
export type SegmentRun = {
  readonly trackId: number;
  readonly decodeTicks: number;
  readonly samples: readonly FragmentSample[];
  /** Where the bytes begin in the segment. */
  readonly offset: number;
  readonly bytes: number;
};

/** The video and audio tracks of an init segment. @throws BoxError */
export function readInitTracks(init: Uint8Array): InitTrack[] {
  const movie = findBox(init, ["moov"]);
  if (movie === undefined) throw new BoxError("the init segment has no moov");
  return readBoxes(movie.body)
    .filter(({ type }) => type === "trak")
    .flatMap(({ body }) => readTrack(body));
}

function readTrack(track: Uint8Array): InitTrack[] {
  const header = requireBox(track, ["tkhd"]);
  const mediaHeader = requireBox(track, ["mdia", "mdhd"]);
  const handler = requireBox(track, ["mdia", "hdlr"]);
  const descriptions = requireBox(track, ["mdia", "minf", "stbl", "stsd"]);
  const kind = kindOf(Buffer.from(handler.subarray(8, 12)).toString("latin1"));
  if (kind === null) return [];
  const [entry] = readBoxes(descriptions.subarray(8));
  if (entry === undefined) throw new BoxError("a track has no sample entry");
  const size = new FieldReader(header.subarray(header.length - 8));
  return [{
    trackId: readAfterTimes(header),
    kind,
    timescale: readAfterTimes(mediaHeader),
    sampleEntry: descriptions.slice(8 + entry.offset, 8 + entry.offset + entry.size),
    width: size.uint32() >>> 16, // 16.16
    height: size.uint32() >>> 16,
  }];
}

function kindOf(handler: string): InitTrack["kind"] | null {
  if (handler === "vide") return "video";
  return handler === "soun" ? "audio" : null;
}

/** The field behind creation and modification time: track_ID in `tkhd`, timescale in `mdhd`. */
function readAfterTimes(body: Uint8Array): number {
  const reader = new FieldReader(body);
  const version = reader.uint32() >>> 24;
  reader.skip(version === 0 ? 8 : 16);
  return reader.uint32();
}

function requireBox(bytes: Uint8Array, path: readonly string[]): Uint8Array {
  const box = findBox(bytes, path);
  if (box === undefined) throw new BoxError(`a track has no ${path.join("/")}`);
  return box.body;
}

/** The runs of a media segment in the order of their bytes. @throws BoxError */
export function readSegmentRuns(segment: Uint8Array): SegmentRun[] {
  const runs: SegmentRun[] = [];
  for (const { type, offset, body } of readBoxes(segment)) {
    if (type !== "moof") continue;
    for (const track of readMovieFragment(body)) {
      const start = offset + track.dataOffset;
      const bytes = track.samples.reduce((sum, sample) => sum + sample.size, 0);
      if (start < 0 || start + bytes > segment.length) {
        throw new BoxError(`samples end at byte ${start + bytes} of ${segment.length}`);
      }
      if (track.samples.length === 0) continue;
      const { trackId, samples, baseMediaDecodeTime: decodeTicks } = track;
      runs.push({ trackId, decodeTicks, samples, offset: start, bytes });
    }
  }
  return runs.sort((one, other) => one.offset - other.offset);
}
