/**
 * What the publisher sends, read off its first tags: enough to plan a ladder, without ffprobe.
 */
import type { SourceFacts } from "#shared/contracts/broadcast.ts";
import { toFrameRate } from "../formats/frame-rate.ts";
import type { FlvTag } from "../formats/media.ts";
import { type AacConfig, parseAacConfig } from "../formats/codecs/aac-config.ts";
import { type AvcConfig, parseAvcConfig } from "../formats/codecs/avc-config.ts";
import { formatAvcCodec } from "../formats/codecs/avc-sps.ts";
import {
  type AudioTag,
  parseAudioTag,
  parseMetadata,
  parseVideoTag,
  type StreamMetadata,
  type VideoTag,
} from "../formats/flv/flv-tags.ts";

/** What planning asks beyond `SourceFacts`; null: not known (yet). */
export type SourceDetails = {
  /** 4:2:0, 8 bits, progressive: what every browser plays, so the source can be copied. */
  readonly isCommonFormat: boolean | null;
  /** Frames are shown in another order than they are decoded in. */
  readonly hasBFrames: boolean | null;
  /** The newest 16 distances between keyframes. */
  readonly keyframeIntervalsMs: readonly number[];
  /** The metadata announces the track, or says there is none; null: it says nothing. */
  readonly declaresVideo: boolean | null;
  readonly declaresAudio: boolean | null;
  /** Names of what came that we do not carry as it is. */
  readonly unsupportedVideo: string | null;
  readonly unsupportedAudio: { readonly codec: string; readonly isClassic: boolean } | null;
};

const MAX_STEPS = 240;
const MIN_STEPS = 8;
const MAX_KEYFRAME_INTERVALS = 16;
const MAX_FPS = 240;
const MAX_ENCODER_CHARS = 200;
/** Announced and measured frame rates further apart than this share: the measured one is right. */
const FPS_TOLERANCE = 0.2;

/** Collects facts from the tags of a broadcast; cheap enough to see every tag. */
export class SourceObserver {
  #metadata: StreamMetadata = new Map();
  #avc: AvcConfig | null = null;
  #aac: AacConfig | null = null;
  #unsupportedVideo: string | null = null;
  #unsupportedAudio: SourceDetails["unsupportedAudio"] = null;
  #classicAudio: SourceFacts["audio"] = null;
  #hasReordered = false;
  #firstCompositionMs: number | null = null;
  #frames = 0;
  #firstFrameMs = 0;
  #lastFrameMs = -1;
  #steps = 0;
  #stepsMs = 0;
  #videoBytes = 0;
  #lastKeyframeMs: number | null = null;
  readonly #keyframeIntervalsMs: number[] = [];

  /** The newest AVC configuration; null before one came. */
  get avc(): AvcConfig | null {
    return this.#avc;
  }

  /** The newest AAC configuration; null before one came. */
  get aac(): AacConfig | null {
    return this.#aac;
  }

  /** Video frames seen. */
  get frames(): number {
    return this.#frames;
  }

  observe(tag: FlvTag): void {
    if (tag.type === "video") this.#observeVideo(parseVideoTag(tag.body), tag);
    else if (tag.type === "audio") this.#observeAudio(parseAudioTag(tag.body), tag);
    else this.#metadata = parseMetadata(tag.body) ?? this.#metadata;
  }

  facts(): SourceFacts {
    const encoder = this.#metadata.get("encoder");
    return {
      video: this.#videoFacts(),
      audio: this.#audioFacts(),
      encoder: typeof encoder === "string" ? encoder.slice(0, MAX_ENCODER_CHARS) : null,
    };
  }

  details(): SourceDetails {
    const sps = this.#avc?.sps;
    return {
      isCommonFormat: sps === undefined
        ? null
        : sps.chromaFormatIdc === 1 && sps.bitDepth === 8 && !sps.isInterlaced,
      hasBFrames: this.#hasBFrames(),
      keyframeIntervalsMs: [...this.#keyframeIntervalsMs],
      declaresVideo: this.#declares("video"),
      declaresAudio: this.#declares("audio"),
      unsupportedVideo: this.#unsupportedVideo,
      unsupportedAudio: this.#unsupportedAudio,
    };
  }

  #observeVideo(video: VideoTag, tag: FlvTag): void {
    if (video.kind === "unsupported") this.#unsupportedVideo = video.codec;
    else if (video.kind === "config") this.#avc = readConfig(parseAvcConfig, video.avcC);
    else if (video.kind === "frame") this.#observeFrame(video, tag);
  }

  #observeFrame(frame: Extract<VideoTag, { kind: "frame" }>, { dtsMs, body }: FlvTag): void {
    const stepMs = dtsMs - this.#lastFrameMs;
    if (this.#frames === 0) this.#firstFrameMs = dtsMs;
    else if (stepMs > 0 && this.#steps < MAX_STEPS) {
      this.#steps += 1;
      this.#stepsMs += stepMs;
    }
    this.#frames += 1;
    this.#lastFrameMs = dtsMs;
    this.#videoBytes += body.length;
    // One constant offset is a delay; 1 ms more or less is rounding.
    this.#firstCompositionMs ??= frame.compositionMs;
    if (Math.abs(frame.compositionMs - this.#firstCompositionMs) > 1) this.#hasReordered = true;
    if (frame.isKeyframe) this.#observeKeyframe(dtsMs);
  }

  #observeKeyframe(dtsMs: number): void {
    if (this.#lastKeyframeMs !== null) {
      this.#keyframeIntervalsMs.push(dtsMs - this.#lastKeyframeMs);
      if (this.#keyframeIntervalsMs.length > MAX_KEYFRAME_INTERVALS) {
        this.#keyframeIntervalsMs.shift();
      }
    }
    this.#lastKeyframeMs = dtsMs;
  }

  #observeAudio(audio: AudioTag, { body }: FlvTag): void {
    if (audio.kind === "config") this.#aac = readConfig(parseAacConfig, audio.asc);
    else if (audio.kind === "unsupported") {
      this.#unsupportedAudio = { codec: audio.codec, isClassic: audio.isClassic };
      if (audio.isClassic) this.#classicAudio = readClassicAudio(audio.codec, body[0] ?? 0);
    }
  }

  #videoFacts(): SourceFacts["video"] {
    if (this.#avc === null) return null;
    const { sps } = this.#avc;
    return {
      codec: formatAvcCodec(sps),
      width: sps.width,
      height: sps.height,
      fps: this.#estimateFps(),
      bitrateBps: this.#estimateBitrateBps(),
    };
  }

  #audioFacts(): SourceFacts["audio"] {
    if (this.#aac === null) return this.#classicAudio;
    const { codec, sampleRateHz, channels } = this.#aac;
    return { codec, sampleRateHz, channels };
  }

  /** What the metadata or the SPS announce, unless the frames disagree; snapped to common rates. */
  #estimateFps(): number | null {
    const measured = this.#steps >= MIN_STEPS ? (1000 * this.#steps) / this.#stepsMs : null;
    const announced = [this.#number("framerate"), this.#avc?.sps.fps ?? null].find((fps) =>
      fps !== null && fps >= 1 && fps <= MAX_FPS &&
      (measured === null || Math.abs(fps / measured - 1) <= FPS_TOLERANCE)
    );
    const fps = announced ?? measured;
    if (fps === null || fps < 1) return fps;
    const rate = toFrameRate(fps);
    return rate.num / rate.den;
  }

  #estimateBitrateBps(): number | null {
    const kilobits = this.#number("videodatarate");
    if (kilobits !== null && kilobits > 0) return Math.round(kilobits * 1000);
    const spanMs = this.#lastFrameMs - this.#firstFrameMs;
    return spanMs < 1000 ? null : Math.round((this.#videoBytes * 8000) / spanMs);
  }

  #hasBFrames(): boolean | null {
    const declared = this.#avc?.sps.maxReorderFrames ?? null;
    if (this.#hasReordered || (declared !== null && declared > 0)) return true;
    return declared === 0 || this.#frames >= MIN_STEPS ? false : null;
  }

  #declares(track: "video" | "audio"): boolean | null {
    const flag = this.#metadata.get(track === "video" ? "hasVideo" : "hasAudio");
    if (typeof flag === "boolean") return flag;
    if (this.#metadata.size === 0) return null;
    const codec = this.#metadata.get(`${track}codecid`);
    return codec !== undefined && codec !== 0;
  }

  #number(name: string): number | null {
    const value = this.#metadata.get(name);
    return typeof value === "number" && Number.isFinite(value) ? value : null;
  }
}

/** Null for a configuration that cannot be read: the track then stays unknown. */
function readConfig<T>(parse: (bytes: Uint8Array) => T, bytes: Uint8Array): T | null {
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Rate and channels from the tag's first byte. @see FLV 10.1 E.4.2.1 */
function readClassicAudio(codec: string, first: number): NonNullable<SourceFacts["audio"]> {
  const sampleRateHz = [5_512, 11_025, 22_050, 44_100][(first >> 2) & 3] ?? 44_100;
  return { codec, sampleRateHz, channels: (first & 1) + 1 };
}
