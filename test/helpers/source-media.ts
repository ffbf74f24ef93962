/**
 * What ffmpeg recorded of a test pattern, as the frames and tracks of a source.
 */
import { parseAvcConfig } from "#media-node/formats/codecs/avc-config.ts";
import { formatAvcCodec } from "#media-node/formats/codecs/avc-sps.ts";
import { parseAudioTag } from "#media-node/formats/flv/audio-tag.ts";
import { FlvReader } from "#media-node/formats/flv/flv-reader.ts";
import { parseVideoTag } from "#media-node/formats/flv/video-tag.ts";
import {
  type ClassicAudioTrack,
  type MediaFrame,
  TICKS_PER_MS,
  type VideoTrack,
} from "#media-node/formats/media.ts";
import { recordFlv, type TestPattern } from "./ffmpeg.ts";

export type SourceMedia = {
  readonly frames: readonly MediaFrame[];
  readonly video: VideoTrack | null;
  /** Audio that must be encoded; AAC is left out. */
  readonly audio: ClassicAudioTrack | null;
};

/** `pattern` as ffmpeg writes it, `originMs` late. */
export async function recordSource(
  pattern: TestPattern & { readonly seconds: number },
  originMs: number,
): Promise<SourceMedia> {
  return readSource(await recordFlv(pattern), originMs);
}

/** An FLV file of H.264 and perhaps MP3. */
export function readSource(flv: Uint8Array, originMs: number): SourceMedia {
  const frames: MediaFrame[] = [];
  let video: VideoTrack | null = null;
  let audio: ClassicAudioTrack | null = null;
  const reader = new FlvReader((tag) => {
    const dtsTicks = (tag.dtsMs + originMs) * TICKS_PER_MS;
    if (tag.type === "video") {
      const parsed = parseVideoTag(tag.body);
      if (parsed.kind === "config") video = readVideoTrack(parsed.avcC);
      if (parsed.kind !== "frame") return;
      const { isFlaggedKeyframe: isKeyframe, data } = parsed;
      const compositionTicks = parsed.compositionMs * TICKS_PER_MS;
      frames.push({ track: "video", dtsTicks, compositionTicks, isKeyframe, data });
    } else if (tag.type === "audio") {
      const parsed = parseAudioTag(tag.body);
      if (parsed.kind !== "classic") return;
      const { codec, flvFormat, sampleRateHz, channels, data } = parsed;
      audio ??= { kind: "classic", codec, flvFormat, sampleRateHz, channels };
      frames.push({ track: "audio", dtsTicks, compositionTicks: 0, isKeyframe: true, data });
    }
  });
  reader.push(flv);
  return { frames, video, audio };
}

export function readVideoTrack(avcC: Uint8Array): VideoTrack {
  const { sps } = parseAvcConfig(avcC);
  const { width, height, isInterlaced } = sps;
  const config = { kind: "video", avcC, width, height } as const;
  return { codec: formatAvcCodec(sps), config, isInterlaced };
}
