/**
 * What is inside an FLV tag body: legacy and enhanced RTMP headers, read without trusting a length.
 * @see Adobe Flash Video File Format Specification 10.1, annex E.4.2 and E.4.3
 * @see Enhanced RTMP v2
 */
import { type Amf0Value, decodeAmf0Value } from "./amf0.ts";
import type { WireTag } from "../../ingest/port.ts";

/** A video tag's body; byte arrays are views into it. */
export type VideoTag =
  | { readonly kind: "config"; readonly avcC: Uint8Array }
  | {
    readonly kind: "frame";
    readonly isKeyframe: boolean;
    /** Presentation minus decode time, may be negative. */
    readonly compositionMs: number;
    /** NAL units behind lengths as wide as the config says. */
    readonly data: Uint8Array;
  }
  | { readonly kind: "end" }
  /** Carries no picture: info frames, HDR metadata. */
  | { readonly kind: "ignored" }
  /** A codec or packaging we do not carry, by the name to show. */
  | { readonly kind: "unsupported"; readonly codec: string }
  | { readonly kind: "malformed"; readonly detail: string };

/** An audio tag's body; byte arrays are views into it. */
export type AudioTag =
  | { readonly kind: "config"; readonly asc: Uint8Array }
  | { readonly kind: "frame"; readonly data: Uint8Array }
  | { readonly kind: "end" }
  | { readonly kind: "ignored" }
  | {
    readonly kind: "unsupported";
    readonly codec: string;
    /** Part of FLV ever since: an ffmpeg of any age decodes it. */
    readonly isClassic: boolean;
  }
  | { readonly kind: "malformed"; readonly detail: string };

/** What `onMetaData` says, scalars only. */
export type StreamMetadata = ReadonlyMap<string, number | boolean | string>;

const AVC = 7;
const AAC = 10;
const EX_AUDIO = 9;
const KEYFRAME = 1;
const INFO_FRAME = 5;

const VIDEO_CODECS: Readonly<Record<number, string>> = {
  2: "Sorenson H.263",
  3: "Screen video",
  4: "VP6",
  5: "VP6 with alpha",
  6: "Screen video 2",
  8: "H.263",
  9: "MPEG-4 Part 2",
  12: "HEVC (non-standard FLV id 12)",
  13: "AV1 (non-standard FLV id 13)",
};
const AUDIO_CODECS: Readonly<Record<number, string>> = {
  0: "PCM",
  1: "ADPCM",
  2: "MP3",
  3: "PCM",
  4: "Nellymoser",
  5: "Nellymoser",
  6: "Nellymoser",
  7: "G.711 A-law",
  8: "G.711 mu-law",
  11: "Speex",
  14: "MP3 8 kHz",
};
const FOUR_CC: Readonly<Record<string, string>> = {
  hvc1: "HEVC",
  av01: "AV1",
  vp08: "VP8",
  vp09: "VP9",
  vvc1: "VVC",
  "ac-3": "AC-3",
  "ec-3": "E-AC-3",
  Opus: "Opus",
  ".mp3": "MP3",
  fLaC: "FLAC",
};

const EX_PACKET = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3,
  videoMultitrack: 6,
  audioMultitrack: 5,
  modEx: 7,
} as const;

const MALFORMED_CUT_OFF = { kind: "malformed", detail: "tag is cut off" } as const;

/** Reads the body of a video tag. */
export function parseVideoTag(body: Uint8Array): VideoTag {
  const first = body[0];
  if (first === undefined) return MALFORMED_CUT_OFF;
  const frameType = (first >> 4) & 0x07;
  if ((first & 0x80) !== 0) return parseExVideo(body, frameType);
  const codecId = first & 0x0f;
  if (frameType === INFO_FRAME) return { kind: "ignored" };
  if (codecId !== AVC) {
    return { kind: "unsupported", codec: VIDEO_CODECS[codecId] ?? `video codec ${codecId}` };
  }
  if (body.length < 5) return MALFORMED_CUT_OFF;
  const packetType = body[1];
  if (packetType === 0) return avcConfig(body.subarray(5));
  if (packetType === 1) return avcFrame(frameType, readInt24(body, 2), body.subarray(5));
  if (packetType === 2) return { kind: "end" };
  return { kind: "malformed", detail: `AVC packet type ${packetType}` };
}

/** Reads the body of an audio tag. */
export function parseAudioTag(body: Uint8Array): AudioTag {
  const first = body[0];
  if (first === undefined) return MALFORMED_CUT_OFF;
  const format = first >> 4;
  if (format === EX_AUDIO) return parseExAudio(body);
  if (format !== AAC) {
    const codec = AUDIO_CODECS[format];
    const isClassic = codec !== undefined;
    return { kind: "unsupported", codec: codec ?? `audio format ${format}`, isClassic };
  }
  if (body.length < 2) return MALFORMED_CUT_OFF;
  if (body[1] === 0) return aacConfig(body.subarray(2));
  if (body[1] === 1) return aacFrame(body.subarray(2));
  return { kind: "malformed", detail: `AAC packet type ${body[1]}` };
}

function parseExVideo(body: Uint8Array, frameType: number): VideoTag {
  const header = readExHeader(body);
  if (header === null) return MALFORMED_CUT_OFF;
  const { packetType, offset } = header;
  if (packetType === EX_PACKET.videoMultitrack) {
    return { kind: "unsupported", codec: "multitrack video" };
  }
  if (frameType === INFO_FRAME) return { kind: "ignored" };
  const fourCc = readFourCc(body, offset);
  if (fourCc === null) return MALFORMED_CUT_OFF;
  if (fourCc !== "avc1") return { kind: "unsupported", codec: nameFourCc(fourCc, "video") };
  const rest = body.subarray(offset + 4);
  switch (packetType) {
    case EX_PACKET.sequenceStart:
      return avcConfig(rest);
    case EX_PACKET.codedFrames:
      if (rest.length < 3) return MALFORMED_CUT_OFF;
      return avcFrame(frameType, readInt24(rest, 0), rest.subarray(3));
    case EX_PACKET.codedFramesX:
      return avcFrame(frameType, 0, rest);
    case EX_PACKET.sequenceEnd:
      return { kind: "end" };
    default:
      return { kind: "ignored" };
  }
}

function parseExAudio(body: Uint8Array): AudioTag {
  const header = readExHeader(body);
  if (header === null) return MALFORMED_CUT_OFF;
  const { packetType, offset } = header;
  if (packetType === EX_PACKET.audioMultitrack) {
    return { kind: "unsupported", codec: "multitrack audio", isClassic: false };
  }
  const fourCc = readFourCc(body, offset);
  if (fourCc === null) return MALFORMED_CUT_OFF;
  if (fourCc !== "mp4a") {
    return { kind: "unsupported", codec: nameFourCc(fourCc, "audio"), isClassic: false };
  }
  const rest = body.subarray(offset + 4);
  if (packetType === EX_PACKET.sequenceStart) return aacConfig(rest);
  if (packetType === EX_PACKET.codedFrames) return aacFrame(rest);
  return packetType === EX_PACKET.sequenceEnd ? { kind: "end" } : { kind: "ignored" };
}

/** Packet type and where the FourCC starts, past any ModEx extensions. */
function readExHeader(body: Uint8Array): { packetType: number; offset: number } | null {
  let packetType = (body[0] ?? 0) & 0x0f;
  let offset = 1;
  while (packetType === EX_PACKET.modEx) {
    const shortSize = body[offset];
    if (shortSize === undefined) return null;
    const isLong = shortSize === 0xff; // 255 + 1: the size follows in 16 bits
    const size = (isLong ? readUint16(body, offset + 1) : shortSize) + 1;
    offset += (isLong ? 3 : 1) + size;
    const next = body[offset];
    if (next === undefined) return null;
    packetType = next & 0x0f;
    offset += 1;
  }
  return { packetType, offset };
}

function avcConfig(avcC: Uint8Array): VideoTag {
  return avcC.length < 7 ? MALFORMED_CUT_OFF : { kind: "config", avcC };
}

function avcFrame(frameType: number, compositionMs: number, data: Uint8Array): VideoTag {
  if (data.length === 0) return { kind: "ignored" };
  return { kind: "frame", isKeyframe: frameType === KEYFRAME, compositionMs, data };
}

function aacConfig(asc: Uint8Array): AudioTag {
  return asc.length < 2 ? MALFORMED_CUT_OFF : { kind: "config", asc };
}

function aacFrame(data: Uint8Array): AudioTag {
  return data.length === 0 ? { kind: "ignored" } : { kind: "frame", data };
}

/** Whether a tag carries no media of its own: a sequence header, metadata or an end marker. */
export function isConfigTag(tag: Pick<WireTag, "type" | "body">): boolean {
  if (tag.type === "script") return true;
  const { kind } = tag.type === "video" ? parseVideoTag(tag.body) : parseAudioTag(tag.body);
  return kind === "config" || kind === "end" || kind === "ignored";
}

/** A script tag's name and the value behind it, `@setDataFrame` left out; null: not AMF0. */
export function parseScriptTag(body: Uint8Array): { name: string; value: Amf0Value } | null {
  try {
    const stripped = stripSetDataFrame(body);
    const name = decodeAmf0Value(stripped);
    if (typeof name.value !== "string") return null;
    const rest = stripped.subarray(name.byteLength);
    return { name: name.value, value: rest.length === 0 ? undefined : decodeAmf0Value(rest).value };
  } catch {
    return null; // Amf0Error: a script nobody needs is no reason to lose the broadcast
  }
}

/**
 * The body of a script tag as a file has it: without the `@setDataFrame` that publishers put first.
 * @throws Amf0Error when the body is not AMF0
 */
export function stripSetDataFrame(body: Uint8Array): Uint8Array {
  const first = decodeAmf0Value(body);
  return first.value === "@setDataFrame" ? body.subarray(first.byteLength) : body;
}

/** The scalars of an `onMetaData` tag; null when it is another script. */
export function parseMetadata(body: Uint8Array): StreamMetadata | null {
  const script = parseScriptTag(body);
  if (script === null || script.name !== "onMetaData" || !(script.value instanceof Map)) {
    return null;
  }
  const metadata = new Map<string, number | boolean | string>();
  for (const [name, value] of script.value as ReadonlyMap<string, Amf0Value>) {
    if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") {
      metadata.set(name, value);
    }
  }
  return metadata;
}

function readInt24(bytes: Uint8Array, offset: number): number {
  const high = (bytes[offset] ?? 0) << 24;
  return (high >> 8) | ((bytes[offset + 1] ?? 0) << 8) | (bytes[offset + 2] ?? 0);
}

function readUint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function readFourCc(bytes: Uint8Array, offset: number): string | null {
  if (bytes.length < offset + 4) return null;
  return String.fromCharCode(...bytes.subarray(offset, offset + 4));
}

function nameFourCc(fourCc: string, medium: string): string {
  const printable = fourCc.replace(/[^ -~]/g, "?");
  return FOUR_CC[fourCc] ?? `${medium} codec "${printable}"`;
}
