/**
 * Writes fragmented MP4: an init segment for one H.264 and/or one AAC track, and media fragments.
 * Boxes are data: a name and its fields in order, each with its name in ISO/IEC 14496-12 or -14.
 */
import { type AudioConfig, VIDEO_TIMESCALE, type VideoConfig } from "../media.ts";

/** What an init segment describes; at least one of the two. */
export type Tracks = { readonly video: VideoConfig | null; readonly audio: AudioConfig | null };

/** A sample with all its times known, in its track's timescale. */
export type MuxSample = {
  readonly durationTicks: number;
  readonly compositionTicks: number;
  readonly isSync: boolean;
  readonly data: Uint8Array;
};

/** A run of samples of one track, the first of which is decoded at `decodeTicks`. */
export type MuxRun = { readonly decodeTicks: number; readonly samples: readonly MuxSample[] };

export type FragmentInput = {
  /** mfhd sequence_number: grows by one per fragment. */
  readonly sequenceNumber: number;
  readonly video: MuxRun | null;
  readonly audio: MuxRun | null;
};

export const VIDEO_TRACK_ID = 1;
export const AUDIO_TRACK_ID = 2;

type Field = Uint8Array | readonly number[];
type Node = Uint8Array;

const u8 = (...values: number[]): Field => values;
const u16 = (...values: number[]): Field => values.flatMap((v) => [(v >>> 8) & 255, v & 255]);
const u32 = (...values: number[]): Field =>
  values.flatMap((v) => [(v >>> 24) & 255, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]);
const zeros = (bytes: number): Field => new Uint8Array(bytes);
const text = (value: string): Field => Buffer.from(value, "latin1");

function box(type: string, ...content: Field[]): Node {
  const bytes = new Uint8Array(8 + content.reduce((sum, field) => sum + field.length, 0));
  new DataView(bytes.buffer).setUint32(0, bytes.length);
  bytes.set(text(type), 4);
  let offset = 8;
  for (const field of content) {
    bytes.set(field, offset);
    offset += field.length;
  }
  return bytes;
}

const fullBox = (type: string, version: number, flags: number, ...content: Field[]): Node =>
  box(type, u32(((version << 24) | flags) >>> 0), ...content);

const UNITY_MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

/** The init segment (`ftyp` + `moov`) of `tracks`. Without an edit list: both tracks share one timeline. */
export function writeInitSegment(tracks: Tracks): Uint8Array<ArrayBuffer> {
  const { video, audio } = tracks;
  return concat([
    box("ftyp", text("iso6"), u32(1), text("iso6"), text("cmfc"), text("mp41")),
    box(
      "moov",
      movieHeader(),
      ...(video === null ? [] : [videoTrack(video)]),
      ...(audio === null ? [] : [audioTrack(audio)]),
      box(
        "mvex",
        ...(video === null ? [] : [trackExtends(VIDEO_TRACK_ID)]),
        ...(audio === null ? [] : [trackExtends(AUDIO_TRACK_ID)]),
      ),
    ),
  ]);
}

function movieHeader(): Node {
  return fullBox(
    "mvhd",
    0,
    0,
    u32(0, 0), // creation_time, modification_time
    u32(1000), // timescale
    u32(0), // duration: unknown
    u32(0x10000), // rate
    u16(0x100), // volume
    zeros(10), // reserved
    UNITY_MATRIX,
    zeros(24), // pre_defined
    u32(3), // next_track_ID
  );
}

function trackExtends(trackId: number): Node {
  // default_sample_description_index 1; duration, size and flags stand in each fragment
  return fullBox("trex", 0, 0, u32(trackId), u32(1, 0, 0, 0));
}

type TrackHeader = {
  readonly id: number;
  readonly volume: number;
  readonly width: number;
  readonly height: number;
};

function trackHeader(track: TrackHeader): Node {
  return fullBox(
    "tkhd",
    0,
    3, // track_enabled, track_in_movie
    u32(0, 0), // creation_time, modification_time
    u32(track.id, 0), // track_ID, reserved
    u32(0), // duration: unknown
    zeros(8), // reserved
    u16(0, 0), // layer, alternate_group
    u16(track.volume, 0), // volume, reserved
    UNITY_MATRIX,
    u32(track.width * 0x10000, track.height * 0x10000),
  );
}

type MediaFacts = { readonly timescale: number; readonly handler: string; readonly name: string };

function media(facts: MediaFacts, header: Node, sampleEntry: Node): Node {
  const dataReference = fullBox("dref", 0, 0, u32(1), fullBox("url ", 0, 1));
  return box(
    "mdia",
    // creation_time, modification_time, timescale, duration, language "und", pre_defined
    fullBox("mdhd", 0, 0, u32(0, 0, facts.timescale, 0), u16(0x55c4, 0)),
    fullBox("hdlr", 0, 0, u32(0), text(facts.handler), zeros(12), text(facts.name), u8(0)),
    box(
      "minf",
      header,
      box("dinf", dataReference),
      box(
        "stbl",
        fullBox("stsd", 0, 0, u32(1), sampleEntry),
        fullBox("stts", 0, 0, u32(0)),
        fullBox("stsc", 0, 0, u32(0)),
        fullBox("stsz", 0, 0, u32(0, 0)),
        fullBox("stco", 0, 0, u32(0)),
      ),
    ),
  );
}

function videoTrack(config: VideoConfig): Node {
  const { width, height, displayWidth = width } = config;
  // Pixels that are not square: how wide one is for its height.
  const pixelAspect = displayWidth === width ? [] : [box("pasp", u32(displayWidth, width))];
  const sampleEntry = box(
    "avc1",
    zeros(6), // reserved
    u16(1), // data_reference_index
    zeros(16), // pre_defined, reserved
    u16(width, height),
    u32(0x480000, 0x480000), // horizresolution, vertresolution: 72 dpi
    u32(0), // reserved
    u16(1), // frame_count
    zeros(32), // compressorname
    u16(0x18, 0xffff), // depth, pre_defined
    box("avcC", config.avcC),
    ...pixelAspect,
  );
  return box(
    "trak",
    trackHeader({ id: VIDEO_TRACK_ID, volume: 0, width: displayWidth, height }),
    media(
      { timescale: VIDEO_TIMESCALE, handler: "vide", name: "video" },
      fullBox("vmhd", 0, 1, u16(0, 0, 0, 0)), // graphicsmode, opcolor
      sampleEntry,
    ),
  );
}

function audioTrack(config: AudioConfig): Node {
  // samplerate is 16.16: rates past 16 bits stand in the mdhd and the config alone
  const rate = config.sampleRateHz < 0x10000 ? config.sampleRateHz : 0;
  const sampleEntry = box(
    "mp4a",
    zeros(6), // reserved
    u16(1), // data_reference_index
    zeros(8), // reserved
    u16(config.channels, 16), // channelcount, samplesize
    zeros(4), // pre_defined, reserved
    u32(rate * 0x10000),
    elementaryStream(config.asc),
  );
  return box(
    "trak",
    trackHeader({ id: AUDIO_TRACK_ID, volume: 0x100, width: 0, height: 0 }),
    media(
      { timescale: config.sampleRateHz, handler: "soun", name: "audio" },
      fullBox("smhd", 0, 0, u16(0, 0)), // balance, reserved
      sampleEntry,
    ),
  );
}

/** @see ISO/IEC 14496-1 7.2.6 */
function elementaryStream(asc: Uint8Array): Node {
  const descriptor = (tag: number, ...content: Field[]): Field => {
    const bytes = Buffer.concat(content.map((field) => Uint8Array.from(field)));
    return Buffer.concat([Uint8Array.of(tag, 0x80, 0x80, 0x80, bytes.length), bytes]);
  };
  return fullBox(
    "esds",
    0,
    0,
    descriptor(
      0x03, // ES_DescrTag
      u16(AUDIO_TRACK_ID), // ES_ID
      u8(0), // flags
      descriptor(
        0x04, // DecoderConfigDescrTag
        u8(0x40, 0x15), // objectTypeIndication MPEG-4 audio, streamType audio
        u8(0, 0, 0), // bufferSizeDB
        u32(0, 0), // maxBitrate, avgBitrate: unknown
        descriptor(0x05, asc), // DecSpecificInfoTag
      ),
      descriptor(0x06, u8(2)), // SLConfigDescrTag, MP4
    ),
  );
}

/** sample_is_non_sync_sample */
export const NON_SYNC_SAMPLE = 0x10000;
const SYNC_SAMPLE_FLAGS = 0x2000000; // sample_depends_on: no other
const NON_SYNC_SAMPLE_FLAGS = 0x1000000 | NON_SYNC_SAMPLE; // depends on others

/** One `moof` + `mdat` with a run of each track that has samples. */
export function writeFragment(input: FragmentInput): Uint8Array<ArrayBuffer> {
  const runs = [
    { id: VIDEO_TRACK_ID, run: input.video },
    { id: AUDIO_TRACK_ID, run: input.audio },
  ].flatMap(({ id, run }) => run === null || run.samples.length === 0 ? [] : [{ id, run }]);
  const moofBytes = runs.reduce((sum, { run }) => sum + trackFragmentBytes(run), 8 + 16);
  const mediaBytes = runs.reduce((sum, { run }) => sum + bytesOf(run), 0);
  const writer = new FieldWriter(moofBytes + 8 + mediaBytes);
  writer.box(moofBytes, "moof");
  writer.fullBox(16, "mfhd", 0);
  writer.u32(input.sequenceNumber);
  let dataOffset = moofBytes + 8;
  for (const { id, run } of runs) {
    writeTrackFragment(writer, { id, run, dataOffset });
    dataOffset += bytesOf(run);
  }
  writer.box(8 + mediaBytes, "mdat");
  for (const { run } of runs) for (const sample of run.samples) writer.bytes(sample.data);
  return writer.out;
}

type TrackFragment = { readonly id: number; readonly run: MuxRun; readonly dataOffset: number };

function writeTrackFragment(writer: FieldWriter, fragment: TrackFragment): void {
  const { id, run, dataOffset } = fragment;
  const hasOffsets = hasCompositionOffsets(run);
  const { decodeTicks, samples } = run;
  const head = { trackId: id, decodeTicks, samples: samples.length, hasOffsets, dataOffset };
  writeTrackFragmentHead(writer, head);
  for (const sample of run.samples) {
    writer.u32(sample.durationTicks); // sample_duration
    writer.u32(sample.data.length); // sample_size
    writer.u32(sample.isSync ? SYNC_SAMPLE_FLAGS : NON_SYNC_SAMPLE_FLAGS); // sample_flags
    if (hasOffsets) writer.u32(sample.compositionTicks >>> 0); // sample_composition_time_offset
  }
}

export type TrackFragmentHead = {
  readonly trackId: number;
  readonly decodeTicks: number;
  /** Rows that follow: duration, size and flags, and the composition offset where `hasOffsets`. */
  readonly samples: number;
  readonly hasOffsets: boolean;
  /** From the start of the `moof`. */
  readonly dataOffset: number;
};

/** Of a `traf` without its samples. */
export const TRACK_FRAGMENT_BYTES = 8 + 16 + 20 + 20;

/** A `traf` up to the first sample. */
export function writeTrackFragmentHead(writer: FieldWriter, head: TrackFragmentHead): void {
  const { trackId, decodeTicks, samples, hasOffsets, dataOffset } = head;
  const rowsBytes = samples * (hasOffsets ? 16 : 12);
  writer.box(TRACK_FRAGMENT_BYTES + rowsBytes, "traf");
  writer.fullBox(16, "tfhd", 0x20000); // default-base-is-moof
  writer.u32(trackId); // track_ID
  writer.fullBox(20, "tfdt", 1 << 24); // version 1
  writer.u64(decodeTicks); // baseMediaDecodeTime
  // version 1: signed offsets; data-offset, sample duration, size, flags (and composition offset)
  writer.fullBox(20 + rowsBytes, "trun", (1 << 24) | 0x701 | (hasOffsets ? 0x800 : 0));
  writer.u32(samples); // sample_count
  writer.u32(dataOffset); // data_offset
}

const hasCompositionOffsets = (run: MuxRun) => run.samples.some((s) => s.compositionTicks !== 0);
const trackFragmentBytes = (run: MuxRun) =>
  TRACK_FRAGMENT_BYTES + run.samples.length * (hasCompositionOffsets(run) ? 16 : 12);
const bytesOf = (run: MuxRun) => run.samples.reduce((sum, sample) => sum + sample.data.length, 0);

/** Writes fields into one buffer of known size: a fragment is built for every part of every rendition. */
export class FieldWriter {
  readonly out: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: number) {
    this.out = new Uint8Array(bytes);
    this.#view = new DataView(this.out.buffer);
  }

  box(size: number, type: string): void {
    this.u32(size);
    for (let index = 0; index < 4; index += 1) {
      this.out[this.#offset + index] = type.charCodeAt(index);
    }
    this.#offset += 4;
  }
  fullBox(size: number, type: string, versionAndFlags: number): void {
    this.box(size, type);
    this.u32(versionAndFlags);
  }
  u32(value: number): void {
    this.#view.setUint32(this.#offset, value);
    this.#offset += 4;
  }
  /** Writes over what was written `back` bytes ago. */
  patchU32(back: number, value: number): void {
    this.#view.setUint32(this.#offset - back, value);
  }
  u64(value: number): void {
    this.#view.setBigUint64(this.#offset, BigInt(value));
    this.#offset += 8;
  }
  bytes(value: Uint8Array): void {
    this.out.set(value, this.#offset);
    this.#offset += value.length;
  }
}

function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
