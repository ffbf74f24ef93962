/**
 * The head of a plain MP4 that can be played while it loads: `ftyp`, `moov` and the header of the
 * `mdat` that holds all samples. Boxes are data, each field with its name in ISO/IEC 14496-12.
 */
import type { RunLengths, Uint32List } from "./run-lengths.ts";
import type { TrackTable } from "./track-table.ts";

const MOVIE_TIMESCALE = 90_000;
const UNITY_MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
/** Identity, and what tells players that times are 64 bit. */
const VERSION_1 = 1 << 24;

/** Everything before the first byte of `mediaBytes` bytes of samples. */
export function writeMp4Header(tracks: readonly TrackTable[], mediaBytes: number): Uint8Array {
  const type = box("ftyp", text("isom"), u32(0x200), text("isomiso2avc1mp41"));
  const data = mediaBytes + 8 < 2 ** 32
    ? Buffer.concat([u32(mediaBytes + 8), text("mdat")])
    : Buffer.concat([u32(1), text("mdat"), u64(mediaBytes + 16)]);
  // The places of the samples depend on the length of the table that lists them, not on its values.
  const before = type.length + movie(tracks, 0).length + data.length;
  return Buffer.concat([type, movie(tracks, before), data]);
}

function movie(tracks: readonly TrackTable[], mediaOffset: number): Uint8Array {
  const startS = Math.min(...tracks.map((track) => track.startS));
  const traks = tracks.map((track, index) => {
    const delayTicks = Math.round((track.startS - startS) * MOVIE_TIMESCALE);
    return { track, id: index + 1, delayTicks, mediaOffset };
  });
  const durationTicks = Math.max(...traks.map((trak) => trak.delayTicks + shownTicks(trak.track)));
  return box("moov", movieHeader(durationTicks, tracks.length + 1), ...traks.map(trackBox));
}

/** Its length in the movie's timescale. */
function shownTicks(track: TrackTable): number {
  return Math.round(track.durationTicks / track.timescale * MOVIE_TIMESCALE);
}

function movieHeader(durationTicks: number, nextTrackId: number): Uint8Array {
  return box(
    "mvhd",
    u32(VERSION_1),
    u64(0, 0), // creation_time, modification_time
    u32(MOVIE_TIMESCALE),
    u64(durationTicks),
    u32(0x10000), // rate
    u16(0x100, 0), // volume, reserved
    u32(0, 0), // reserved
    UNITY_MATRIX,
    new Uint8Array(24), // pre_defined
    u32(nextTrackId),
  );
}

type Trak = {
  readonly track: TrackTable;
  readonly id: number;
  /** How much later than the movie it starts. */
  readonly delayTicks: number;
  readonly mediaOffset: number;
};

function trackBox({ track, id, delayTicks, mediaOffset }: Trak): Uint8Array {
  const isVideo = track.kind === "video";
  const header = isVideo
    ? box("vmhd", u32(1), u16(0, 0, 0, 0)) // graphicsmode, opcolor
    : box("smhd", u32(0), u16(0, 0)); // balance, reserved
  return box(
    "trak",
    trackHeader(track, id, delayTicks),
    box("edts", editList(track, delayTicks)),
    box(
      "mdia",
      mediaHeader(track),
      box(
        "hdlr",
        u32(0, 0), // version and flags, pre_defined
        text(isVideo ? "vide" : "soun"),
        new Uint8Array(12), // reserved
        text(isVideo ? "video\0" : "audio\0"),
      ),
      box(
        "minf",
        header,
        box("dinf", box("dref", u32(0, 1), box("url ", u32(1)))), // the media is in this file
        sampleTable(track, mediaOffset),
      ),
    ),
  );
}

function trackHeader(track: TrackTable, id: number, delayTicks: number): Uint8Array {
  return box(
    "tkhd",
    u32(VERSION_1 | 3), // track_enabled, track_in_movie
    u64(0, 0), // creation_time, modification_time
    u32(id, 0), // track_ID, reserved
    u64(delayTicks + shownTicks(track)),
    u32(0, 0), // reserved
    u16(0, 0, track.kind === "audio" ? 0x100 : 0, 0), // layer, alternate_group, volume, reserved
    UNITY_MATRIX,
    u32(track.width * 0x10000, track.height * 0x10000),
  );
}

/** A pause before a track that starts late, then all of it from its first picture on. */
function editList(track: TrackTable, delayTicks: number): Uint8Array {
  const edits = [
    ...(delayTicks > 0 ? [{ durationTicks: delayTicks, mediaTime: -1 }] : []),
    { durationTicks: shownTicks(track), mediaTime: track.startOffsetTicks },
  ];
  return box(
    "elst",
    u32(VERSION_1, edits.length),
    ...edits.flatMap(({ durationTicks, mediaTime }) => [
      u64(durationTicks, mediaTime),
      u16(1, 0), // media_rate
    ]),
  );
}

function mediaHeader(track: TrackTable): Uint8Array {
  return box(
    "mdhd",
    u32(VERSION_1),
    u64(0, 0), // creation_time, modification_time
    u32(track.timescale),
    u64(track.durationTicks),
    u16(0x55c4, 0), // language "und", pre_defined
  );
}

function sampleTable(track: TrackTable, mediaOffset: number): Uint8Array {
  const { sampleEntries, sizes, syncSamples, chunks } = track;
  return box(
    "stbl",
    box("stsd", u32(0, sampleEntries.length), ...sampleEntries),
    runTable("stts", 0, track.durations),
    ...(track.hasCompositionOffsets
      ? [runTable("ctts", VERSION_1, track.compositionOffsets)] // signed offsets
      : []),
    chunkTable(track),
    box("stsz", u32(0, 0, sizes.length), numbers(sizes)),
    box("co64", u32(0, chunks.length), ...chunks.map(({ offset }) => u64(mediaOffset + offset))),
    ...(syncSamples.length === sizes.length
      ? []
      : [box("stss", u32(0, syncSamples.length), numbers(syncSamples))]),
  );
}

function runTable(type: string, version: number, { counts, values }: RunLengths): Uint8Array {
  const bytes = Buffer.alloc(8 * counts.length);
  for (let index = 0; index < counts.length; index += 1) {
    bytes.writeUInt32BE(counts.at(index), 8 * index);
    bytes.writeUInt32BE(values.at(index), 8 * index + 4);
  }
  return box(type, u32(version, counts.length), bytes);
}

/** A line wherever chunks begin to differ from those before. */
function chunkTable({ chunks }: TrackTable): Uint8Array {
  const lines = chunks.flatMap(({ samples, entry }, index) => {
    const before = chunks[index - 1];
    const isSame = before?.samples === samples && before.entry === entry;
    return isSame ? [] : [u32(index + 1, samples, entry)];
  });
  return box("stsc", u32(0, lines.length), ...lines);
}

function numbers(list: Uint32List): Uint8Array {
  const bytes = Buffer.alloc(4 * list.length);
  for (let index = 0; index < list.length; index += 1) {
    bytes.writeUInt32BE(list.at(index), 4 * index);
  }
  return bytes;
}

function box(type: string, ...content: Uint8Array[]): Uint8Array {
  const bytes = content.reduce((sum, field) => sum + field.length, 8);
  return Buffer.concat([u32(bytes), text(type), ...content], bytes);
}

function u16(...values: number[]): Uint8Array {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, index) => bytes.writeUInt16BE(value, 2 * index));
  return bytes;
}

function u32(...values: number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, 4 * index));
  return bytes;
}

function u64(...values: number[]): Uint8Array {
  const bytes = Buffer.alloc(8 * values.length);
  values.forEach((value, index) => bytes.writeBigInt64BE(BigInt(value), 8 * index));
  return bytes;
}

function text(value: string): Uint8Array {
  return Buffer.from(value, "latin1");
}
