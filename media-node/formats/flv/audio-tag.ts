/**
 * What is inside an audio tag's body: legacy and enhanced RTMP headers, read without trusting a length.
 * @see Adobe Flash Video File Format Specification 10.1, annex E.4.2
 * @see Enhanced RTMP v2
 */
import {
  type ExtendedHeader,
  type ExtraTracks,
  type FramelessTag,
  nameFourCc,
  PACKET,
  readExtendedTag,
} from "./extended-header.ts";

/** The body of an audio tag; byte arrays are views into it. */
export type AudioTag =
  & (
    | { readonly kind: "config"; readonly asc: Uint8Array }
    | { readonly kind: "frame"; readonly data: Uint8Array }
    /** A codec that has been part of FLV ever since: an ffmpeg of any age decodes it. */
    | ClassicAudioFrame
    | FramelessTag
  )
  & ExtraTracks;

export type ClassicAudioFrame = {
  readonly kind: "classic";
  readonly codec: string;
  /** The tag's first byte: format, rate, sample size, channels. */
  readonly flvFormat: number;
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly data: Uint8Array;
};

const AAC = 10;
const EXTENDED = 9;

const CLASSIC: Readonly<Record<number, string>> = {
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

/** Formats that have one rate, whatever the header's bits say. */
const FIXED_RATES: Readonly<Record<number, number>> = {
  4: 16_000,
  5: 8000,
  7: 8000,
  8: 8000,
  11: 16_000,
  14: 8000,
};
const RATES = [5_512, 11_025, 22_050, 44_100] as const;

const CUT_OFF = { kind: "malformed", detail: "tag is cut off" } as const;

export function parseAudioTag(body: Uint8Array): AudioTag {
  const first = body[0];
  if (first === undefined) return CUT_OFF;
  const format = first >> 4;
  if (format === EXTENDED) return parseExtended(body);
  if (format !== AAC) return parseClassic(format, body);
  if (body.length < 2) return CUT_OFF;
  if (body[1] === 0) return aacConfig(body.subarray(2));
  if (body[1] === 1) return aacFrame(body.subarray(2));
  return { kind: "malformed", detail: `AAC packet type ${body[1]}` };
}

function parseClassic(format: number, body: Uint8Array): AudioTag {
  const codec = CLASSIC[format];
  if (codec === undefined) return { kind: "unsupported", codec: `audio format ${format}` };
  if (body.length < 2) return { kind: "ignored" };
  const flvFormat = body[0] ?? 0;
  return {
    kind: "classic",
    codec,
    flvFormat,
    sampleRateHz: FIXED_RATES[format] ?? RATES[(flvFormat >> 2) & 3] ?? 44_100,
    channels: (flvFormat & 1) + 1,
    data: body.subarray(1),
  };
}

function parseExtended(body: Uint8Array): AudioTag {
  const tag = readExtendedTag(body, PACKET.audioMultitrack);
  if (tag === null) return CUT_OFF;
  const { main, extraTracks } = tag;
  const parsed: AudioTag = main === null ? { kind: "ignored" } : parseTrack(main);
  return extraTracks.length === 0 ? parsed : { ...parsed, extraTracks };
}

function parseTrack({ packetType, fourCc, payload }: ExtendedHeader): AudioTag {
  if (fourCc !== "mp4a") return { kind: "unsupported", codec: nameFourCc(fourCc, "audio") };
  if (packetType === PACKET.sequenceStart) return aacConfig(payload);
  if (packetType === PACKET.codedFrames) return aacFrame(payload);
  return packetType === PACKET.sequenceEnd ? { kind: "end" } : { kind: "ignored" };
}

function aacConfig(asc: Uint8Array): AudioTag {
  return asc.length < 2 ? CUT_OFF : { kind: "config", asc };
}

function aacFrame(data: Uint8Array): AudioTag {
  return data.length === 0 ? { kind: "ignored" } : { kind: "frame", data };
}
