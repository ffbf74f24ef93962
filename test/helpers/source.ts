/**
 * Sources and frames made of numbers, for tests in which nobody decodes.
 */
import {
  type AudioTrack,
  type ClassicAudioTrack,
  type MediaFrame,
  TICKS_PER_MS,
  type VideoTrack,
} from "#media-node/formats/media.ts";
import type { Source } from "#media-node/ingest/source.ts";

/** 30 frames a second of High profile, and stereo; nothing is wrong with it. */
export function sourceOf(width: number, height: number, audioCodec: "AAC" | "MP3" = "AAC"): Source {
  const audio = audioCodec === "AAC" ? AAC_TRACK : MP3_TRACK;
  const { codec, sampleRateHz, channels } = audio.kind === "aac"
    ? { ...audio.config, codec: audio.codec }
    : audio;
  return {
    facts: {
      video: { codec: "avc1.64001f", width, height, fps: 30, bitrateBps: null },
      audio: { codec, sampleRateHz, channels },
      encoder: null,
    },
    details: { isCommonFormat: true, hasBFrames: false, copyObstacle: null },
    video: videoTrackOf(width, height),
    audio,
    isAudioAwaited: false,
  };
}

export function videoTrackOf(width: number, height: number): VideoTrack {
  const avcC = Uint8Array.of(1, 0x64, 0, 0x1f, 0xff, 0xe0, 0);
  return {
    codec: "avc1.64001f",
    config: { kind: "video", avcC, width, height },
    isInterlaced: false,
  };
}

/** AAC-LC, 48 kHz, stereo. */
export const AAC_TRACK: AudioTrack = {
  kind: "aac",
  codec: "mp4a.40.2",
  config: {
    kind: "audio",
    asc: Uint8Array.of(0x11, 0x90),
    sampleRateHz: 48_000,
    channels: 2,
    samplesPerFrame: 1024,
  },
};

export const MP3_TRACK: ClassicAudioTrack = {
  kind: "classic",
  codec: "MP3",
  flvFormat: 0x2f,
  sampleRateHz: 44_100,
  channels: 2,
};

/** A frame of `bytes` that are not H.264, decoded and shown at `ms`. */
export function videoFrame(ms: number, isKeyframe = true, bytes = 1): MediaFrame {
  return {
    track: "video",
    dtsTicks: ms * TICKS_PER_MS,
    compositionTicks: 0,
    isKeyframe,
    data: new Uint8Array(bytes).fill(9),
  };
}

/** A frame of `data` that is heard at `ms`. */
export function audioFrame(ms: number, data: Uint8Array = Uint8Array.of(7)): MediaFrame {
  const dtsTicks = ms * TICKS_PER_MS;
  return { track: "audio", dtsTicks, compositionTicks: 0, isKeyframe: true, data };
}
