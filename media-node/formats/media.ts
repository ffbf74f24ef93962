/**
 * The values that flow through a media node: tags from the publisher, samples into the packager.
 * All byte arrays here are owned by whoever holds the value: nothing reuses them.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";

/** One FLV tag of the publisher on the broadcast's clean timeline. */
export type FlvTag = {
  readonly type: "audio" | "video" | "script";
  /** Decode time in ms since the broadcast began: monotonic per type, no jumps. */
  readonly dtsMs: number;
  /** The tag's body, without the 11-byte tag header. */
  readonly body: Uint8Array;
};

/** Video timescale of every track we write: ticks per second. */
export const VIDEO_TIMESCALE = 90_000;

/** What a decoder must know before the first sample of a video track. */
export type VideoConfig = {
  readonly kind: "video";
  /** AVCDecoderConfigurationRecord, the content of an `avcC` box. @see ISO/IEC 14496-15 5.3.3.1 */
  readonly avcC: Uint8Array;
  readonly width: number;
  readonly height: number;
};

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

/** One H.264 access unit. */
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

/** One raw AAC frame (no ADTS header). */
export type AudioFrame = {
  /** Presentation time since the broadcast began, in ms as the tags have it. */
  readonly ptsMs: number;
  readonly data: Uint8Array;
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
