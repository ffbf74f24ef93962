/**
 * Frames and the descriptions of their tracks as FLV tags: where FLV leaves us.
 * @see Adobe Flash Video File Format Specification 10.1, annex E.4.2 and E.4.3
 */
import { type AudioTrack, type MediaFrame, TICKS_PER_MS, type VideoTrack } from "../media.ts";
import { writeFlvParts } from "./flv-writer.ts";

/** Frame type and codec; the packet type and a composition offset follow. */
const AVC_KEYFRAME = 0x17;
const AVC_INTER_FRAME = 0x27;
/** AAC, with the rate and channels that the format fixes for it: the real ones are in its config. */
const AAC = 0xaf;
const CONFIG = 0;
const FRAME = 1;

/** The decoder configuration of a video track. */
export function writeVideoHeader({ config }: VideoTrack, timestampMs: number): Uint8Array {
  const head = [AVC_KEYFRAME, CONFIG, 0, 0, 0];
  return writeFlvParts({ type: "video", timestampMs, head, data: config.avcC });
}

/** The decoder configuration of an audio track; null: its frames need none. */
export function writeAudioHeader(track: AudioTrack, timestampMs: number): Uint8Array | null {
  if (track.kind === "classic") return null;
  const head = [AAC, CONFIG];
  return writeFlvParts({ type: "audio", timestampMs, head, data: track.config.asc });
}

/** When a frame is stamped, in ms. */
export type StampedMs = { readonly timestampMs: number; readonly compositionMs: number };

/** One frame of video. */
export function writeVideoFrame(
  { isKeyframe, data }: MediaFrame,
  { timestampMs, compositionMs }: StampedMs,
): Uint8Array {
  const offset = [compositionMs >> 16, compositionMs >> 8, compositionMs].map((byte) =>
    byte & 0xff
  );
  const head = [isKeyframe ? AVC_KEYFRAME : AVC_INTER_FRAME, FRAME, ...offset];
  return writeFlvParts({ type: "video", timestampMs, head, data });
}

/** One frame of audio. */
export function writeAudioFrame(
  { data }: MediaFrame,
  track: AudioTrack,
  timestampMs: number,
): Uint8Array {
  const head = track.kind === "classic" ? [track.flvFormat] : [AAC, FRAME];
  return writeFlvParts({ type: "audio", timestampMs, head, data });
}

/** A frame's times as FLV has them: whole milliseconds, of which the sum is right. */
export function stampOf({ dtsTicks, compositionTicks }: MediaFrame): StampedMs {
  const timestampMs = Math.round(dtsTicks / TICKS_PER_MS);
  const shownMs = Math.round((dtsTicks + compositionTicks) / TICKS_PER_MS);
  return { timestampMs, compositionMs: shownMs - timestampMs };
}
