/**
 * The header that Enhanced RTMP puts before a tag's media, past any extensions and down to one track.
 * @see Enhanced RTMP v2
 */
import { readUint16, readUint24 } from "./big-endian.ts";

/** Packet types: what follows the header. */
export const PACKET = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3,
  audioMultitrack: 5,
  videoMultitrack: 6,
  modEx: 7,
} as const;

/** What a tag of either track carries when it is no media. */
export type FramelessTag =
  | { readonly kind: "end" }
  /** Info frames, HDR metadata, further tracks alone. */
  | { readonly kind: "ignored" }
  /** A codec or packaging we do not carry, by the name to show. */
  | { readonly kind: "unsupported"; readonly codec: string }
  | { readonly kind: "malformed"; readonly detail: string };

/** What stands before the media of one track. */
export type ExtendedHeader = {
  readonly packetType: number;
  readonly fourCc: string;
  /** What follows. */
  readonly payload: Uint8Array;
};

export type ExtraTracks = {
  /** Ids of the tracks beside the first that a tag has. Default none. */
  readonly extraTracks?: readonly number[];
};

export type ExtendedTag = {
  /** Track 0; null: the tag has others alone. */
  readonly main: ExtendedHeader | null;
  /** The ids of other tracks in the tag. */
  readonly extraTracks: readonly number[];
};

const MULTITRACK = { oneTrack: 0, manyTracks: 1, manyTracksManyCodecs: 2 } as const;

/** The tracks of a tag whose first byte says that its header is extended; null: it is cut off. */
export function readExtendedTag(body: Uint8Array, multitrackType: number): ExtendedTag | null {
  const start = skipExtensions(body);
  if (start === null) return null;
  const { packetType, offset } = start;
  if (packetType === multitrackType) return readTracks(body, offset);
  const main = readHeader(body, offset, packetType);
  return main === null ? null : { main, extraTracks: [] };
}

/** Packet type and where the FourCC starts, past any ModEx extensions. */
function skipExtensions(body: Uint8Array): { packetType: number; offset: number } | null {
  let packetType = (body[0] ?? 0) & 0x0f;
  let offset = 1;
  while (packetType === PACKET.modEx) {
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

function readTracks(body: Uint8Array, start: number): ExtendedTag | null {
  const types = body[start];
  if (types === undefined) return null;
  const packetType = types & 0x0f;
  const form = types >> 4;
  const sharesCodec = form !== MULTITRACK.manyTracksManyCodecs;
  let offset = start + 1;
  const shared = sharesCodec ? readFourCc(body, offset) : null;
  if (sharesCodec && shared === null) return null;
  if (sharesCodec) offset += 4;
  let main: ExtendedHeader | null = null;
  const extraTracks: number[] = [];
  while (offset < body.length) {
    const fourCc = shared ?? readFourCc(body, offset);
    if (!sharesCodec) offset += 4;
    const id = body[offset];
    if (fourCc === null || id === undefined) return null;
    offset += 1;
    let end = body.length;
    if (form !== MULTITRACK.oneTrack) {
      end = offset + 3 + readUint24(body, offset);
      offset += 3;
    }
    if (end > body.length) return null;
    if (id === 0) main = { packetType, fourCc, payload: body.subarray(offset, end) };
    else extraTracks.push(id);
    offset = end;
  }
  return { main, extraTracks };
}

function readHeader(body: Uint8Array, offset: number, packetType: number): ExtendedHeader | null {
  const fourCc = readFourCc(body, offset);
  return fourCc === null ? null : { packetType, fourCc, payload: body.subarray(offset + 4) };
}

function readFourCc(bytes: Uint8Array, offset: number): string | null {
  if (bytes.length < offset + 4) return null;
  return String.fromCharCode(...bytes.subarray(offset, offset + 4));
}

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

/** The codec's name as people know it. */
export function nameFourCc(fourCc: string, medium: "audio" | "video"): string {
  const printable = fourCc.replace(/[^ -~]/g, "?");
  return FOUR_CC[fourCc] ?? `${medium} codec "${printable}"`;
}
