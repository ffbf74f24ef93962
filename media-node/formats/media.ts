/**
 * The values that flow through a media node: frames of the source, samples into the packager.
 * All byte arrays here are owned by whoever holds the value: nothing reuses them.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";

/** Ticks per second of every time that is called `…Ticks`, and of every video track we write. */
export const VIDEO_TIMESCALE = 90_000;

/** Ticks in a millisecond. */
export const TICKS_PER_MS = VIDEO_TIMESCALE / 1000;

/** One access unit of H.264 or one frame of audio, in no wrapper. */
export type MediaFrame = {
  readonly track: "video" | "audio";
  /** Decode time since the broadcast began, in 1/90000 s: it grows from frame to frame of a track. */
  readonly dtsTicks: number;
  /** Presentation minus decode time, in 1/90000 s; 0 for audio. */
  readonly compositionTicks: number;
  /** Decoding can begin here. Every frame of audio is one. */
  readonly isKeyframe: boolean;
  /** Video: NAL units, each behind a 4-byte length. Audio: one frame as its codec has it (no ADTS). */
  readonly data: Uint8Array;
};

/** When a frame is shown, in 1/90000 s. */
export function ptsTicksOf({ dtsTicks, compositionTicks }: MediaFrame): number {
  return dtsTicks + compositionTicks;
}

/** The largest picture that is decoded: its memory is the publisher's choice. */
export const MAX_PIXELS = 4096 * 2304;

/** The video of a source. */
export type VideoTrack = {
  /** RFC 6381, e.g. `avc1.64001f`. */
  readonly codec: string;
  /** Its lengths are 4 bytes wide, as those of the frames. */
  readonly config: VideoConfig;
  /** Pictures may come as two fields. */
  readonly isInterlaced: boolean;
};

/** The audio of a source: AAC that passes through, or what must be encoded first. */
export type AudioTrack =
  | { readonly kind: "aac"; readonly codec: string; readonly config: AudioConfig }
  | ClassicAudioTrack;

/** Audio that FLV has known ever since and an ffmpeg of any age decodes: MP3, Speex, G.711 … */
export type ClassicAudioTrack = {
  readonly kind: "classic";
  /** Its name. */
  readonly codec: string;
  /** The first byte of its FLV tags: format, rate, sample size, channels. @see FLV 10.1 E.4.2.1 */
  readonly flvFormat: number;
  readonly sampleRateHz: number;
  readonly channels: number;
};

/** What a decoder must know before the first sample of a video track. */
export type VideoConfig = {
  readonly kind: "video";
  /** AVCDecoderConfigurationRecord, the content of an `avcC` box. @see ISO/IEC 14496-15 5.3.3.1 */
  readonly avcC: Uint8Array;
  /** As it is coded, after cropping. */
  readonly width: number;
  readonly height: number;
  /** How wide it is shown beside that height, where its pixels are not square. Default `width`. */
  readonly displayWidth?: number;
};

/** The proportions in which a track is shown, in square pixels. */
export function shapeOf(
  { config }: VideoTrack,
): { readonly width: number; readonly height: number } {
  const { width, height, displayWidth = width } = config;
  return { width: Math.max(1, Math.round(displayWidth)), height };
}

/** What a decoder must know before the first frame of an AAC track. */
export type AudioConfig = {
  readonly kind: "audio";
  /** AudioSpecificConfig. @see ISO/IEC 14496-3 1.6.2.1 */
  readonly asc: Uint8Array;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** 1024 for AAC-LC, 2048 for HE-AAC as its core counts. */
  readonly samplesPerFrame: number;
};

/** One H.264 access unit of a rendition. */
export type VideoSample = {
  /** Decode time since the broadcast began, in 1/90000 s. */
  readonly dtsTicks: number;
  /** Presentation minus decode time, in 1/90000 s. */
  readonly compositionTicks: number;
  /** How long it is shown, in 1/90000 s; 0 when only the next sample tells. */
  readonly durationTicks: number;
  readonly isKeyframe: boolean;
  /** NAL units, each behind a 4-byte length. */
  readonly data: Uint8Array;
};

/** One raw AAC frame (no ADTS header) with about the time it is heard. */
export type AudioFrame = Pick<MediaFrame, "dtsTicks" | "data">;

/** Pictures are missing while sound goes on. */
export type PictureAbsence = {
  /**
   * When the last one is decoded; null: none came in this run of the encoder. Decoders keep what is
   * shown later until more frames come.
   */
  readonly sinceTicks: number | null;
  /** How far the sound has come. */
  readonly untilTicks: number;
  /** Nothing more comes: what is heard to its end is seen to its end. */
  readonly isFinal: boolean;
};

/** One rung of a broadcast's ladder with its size; both null when there is no video. */
export type RungPlan = {
  readonly name: RenditionName;
  readonly width: number | null;
  readonly height: number | null;
  /** Ceiling of the video bitrate. */
  readonly videoBitrateBps: number;
  readonly isCopy: boolean;
};
