/**
 * What is inside a video tag's body: legacy and enhanced RTMP headers, read without trusting a length.
 * @see Adobe Flash Video File Format Specification 10.1, annex E.4.3
 * @see Enhanced RTMP v2
 */
import { readInt24 } from "./big-endian.ts";
import {
  type ExtendedHeader,
  type ExtraTracks,
  type FramelessTag,
  nameFourCc,
  PACKET,
  readExtendedTag,
} from "./extended-header.ts";

/** The body of a video tag; byte arrays are views into it. */
export type VideoTag =
  & (
    | { readonly kind: "config"; readonly avcC: Uint8Array }
    | {
      readonly kind: "frame";
      /** What the header says; the media may say otherwise. */
      readonly isFlaggedKeyframe: boolean;
      /** Presentation minus decode time, may be negative. */
      readonly compositionMs: number;
      /** NAL units, as a rule behind lengths as wide as the config says. */
      readonly data: Uint8Array;
    }
    | FramelessTag
  )
  & ExtraTracks;

const AVC = 7;
const KEYFRAME = 1;
const INFO_FRAME = 5;
const IS_EXTENDED = 0x80;
/** Frame type and codec, packet type, composition offset. */
const HEADER_BYTES = 5;
const MIN_AVCC_BYTES = 7;

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

const CUT_OFF = { kind: "malformed", detail: "tag is cut off" } as const;

export function parseVideoTag(body: Uint8Array): VideoTag {
  const first = body[0];
  if (first === undefined) return CUT_OFF;
  const frameType = (first >> 4) & 0x07;
  if ((first & IS_EXTENDED) !== 0) return parseExtended(body, frameType);
  const codecId = first & 0x0f;
  if (frameType === INFO_FRAME) return { kind: "ignored" };
  if (codecId !== AVC) {
    return { kind: "unsupported", codec: VIDEO_CODECS[codecId] ?? `video codec ${codecId}` };
  }
  if (body.length < HEADER_BYTES) return CUT_OFF;
  const rest = body.subarray(HEADER_BYTES);
  if (body[1] === 0) return avcConfig(rest);
  if (body[1] === 1) return avcFrame(frameType, readInt24(body, 2), rest);
  if (body[1] === 2) return { kind: "end" };
  return { kind: "malformed", detail: `AVC packet type ${body[1]}` };
}

function parseExtended(body: Uint8Array, frameType: number): VideoTag {
  const tag = readExtendedTag(body, PACKET.videoMultitrack);
  if (tag === null) return CUT_OFF;
  const { main, extraTracks } = tag;
  const parsed: VideoTag = main === null || frameType === INFO_FRAME
    ? { kind: "ignored" }
    : parseTrack(main, frameType);
  return extraTracks.length === 0 ? parsed : { ...parsed, extraTracks };
}

function parseTrack({ packetType, fourCc, payload }: ExtendedHeader, frameType: number): VideoTag {
  if (fourCc !== "avc1") return { kind: "unsupported", codec: nameFourCc(fourCc, "video") };
  switch (packetType) {
    case PACKET.sequenceStart:
      return avcConfig(payload);
    case PACKET.codedFrames:
      if (payload.length < 3) return CUT_OFF;
      return avcFrame(frameType, readInt24(payload, 0), payload.subarray(3));
    case PACKET.codedFramesX:
      return avcFrame(frameType, 0, payload);
    case PACKET.sequenceEnd:
      return { kind: "end" };
    default:
      return { kind: "ignored" };
  }
}

function avcConfig(avcC: Uint8Array): VideoTag {
  return avcC.length < MIN_AVCC_BYTES ? CUT_OFF : { kind: "config", avcC };
}

function avcFrame(frameType: number, compositionMs: number, data: Uint8Array): VideoTag {
  if (data.length === 0) return { kind: "ignored" };
  return { kind: "frame", isFlaggedKeyframe: frameType === KEYFRAME, compositionMs, data };
}
