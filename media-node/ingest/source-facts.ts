/**
 * What the publisher sends, read off its first frames: enough to plan a ladder, without ffprobe.
 */
import { MAX_ENCODER_CHARS, type SourceFacts } from "#shared/contracts/broadcast.ts";
import { toLine } from "#shared/contracts/text.ts";
import type { AvcSps } from "../formats/codecs/avc-sps.ts";
import type { StreamMetadata } from "../formats/flv/script-tag.ts";
import { toFrameRate } from "../formats/frame-rate.ts";
import {
  type AudioTrack,
  type MediaFrame,
  TICKS_PER_MS,
  type VideoTrack,
} from "../formats/media.ts";

const MAX_STEPS = 240;
const MIN_STEPS = 8;
/** As good as many steps: a camera that sends a frame a second. */
const MIN_SPAN_MS = 900;
const MAX_FPS = 240;
/** More than any publisher sends, and than is let in: who announces it means something else. */
const MAX_BITRATE_BPS = 1e9;
/** Announced and measured frame rates further apart than this share: the measured one is right. */
const FPS_TOLERANCE = 0.2;
/** Two steps are enough to doubt what is announced, and further apart, since stamps tremble. */
const DOUBT = { steps: 2, tolerance: 0.3 };

/** Collects facts from the frames of a publisher; cheap enough to see every frame. */
export class SourceObserver {
  #metadata: StreamMetadata = new Map();
  #video: { readonly track: VideoTrack; readonly sps: AvcSps } | null = null;
  #audio: AudioTrack | null = null;
  #hasReordered = false;
  #firstCompositionTicks: number | null = null;
  #frames = 0;
  #firstFrameMs = 0;
  #lastFrameMs = -1;
  #steps = 0;
  #stepsMs = 0;
  #videoBytes = 0;

  get video(): VideoTrack | null {
    return this.#video?.track ?? null;
  }

  get audio(): AudioTrack | null {
    return this.#audio;
  }

  noteMetadata(metadata: StreamMetadata): void {
    this.#metadata = metadata;
  }

  useVideo(track: VideoTrack, sps: AvcSps): void {
    this.#video = { track, sps };
  }

  useAudio(track: AudioTrack): void {
    this.#audio = track;
  }

  note(frame: MediaFrame): void {
    if (frame.track !== "video") return;
    const dtsMs = frame.dtsTicks / TICKS_PER_MS;
    const stepMs = dtsMs - this.#lastFrameMs;
    if (this.#frames === 0) this.#firstFrameMs = dtsMs;
    else if (stepMs > 0 && this.#steps < MAX_STEPS) {
      this.#steps += 1;
      this.#stepsMs += stepMs;
    }
    this.#frames += 1;
    this.#lastFrameMs = dtsMs;
    this.#videoBytes += frame.data.length;
    // One constant offset is a delay; 1 ms more or less is rounding.
    this.#firstCompositionTicks ??= frame.compositionTicks;
    const movedTicks = Math.abs(frame.compositionTicks - this.#firstCompositionTicks);
    if (movedTicks > TICKS_PER_MS) this.#hasReordered = true;
  }

  facts(): SourceFacts {
    return {
      video: this.#videoFacts(),
      audio: this.#audioFacts(),
      encoder: this.#encoder,
    };
  }

  /** 4:2:0, 8 bits, progressive: what every browser plays, so the source can be copied. */
  get isCommonFormat(): boolean | null {
    const sps = this.#video?.sps;
    if (sps === undefined) return null;
    return sps.chromaFormatIdc === 1 && sps.bitDepth === 8 && !sps.isInterlaced;
  }

  /** Frames are shown in another order than they are decoded in; null: not known yet. */
  get hasBFrames(): boolean | null {
    const declared = this.#video?.sps.maxReorderFrames ?? null;
    if (this.#hasReordered || (declared !== null && declared > 0)) return true;
    return declared === 0 || this.#frames >= MIN_STEPS ? false : null;
  }

  /**
   * Whether the metadata announces the track (true), or says that there is none (false); null: it says
   * nothing. A codec id that is missing is missing: only a flag says that there is nothing, or FFmpeg,
   * which describes everything it is going to send.
   */
  declares(track: "video" | "audio"): boolean | null {
    const flag = this.#metadata.get(track === "video" ? "hasVideo" : "hasAudio");
    if (typeof flag === "boolean") return flag;
    const isNamed = this.#namesCodecOf(track);
    const isComplete = track === "audio" && this.#isByFfmpeg && this.#namesCodecOf("video");
    return isNamed || (isComplete ? false : null);
  }

  /** As it names itself; null: it does not. */
  get #encoder(): string | null {
    const name = this.#metadata.get("encoder");
    return (typeof name === "string" && toLine(name, MAX_ENCODER_CHARS)) || null;
  }

  get #isByFfmpeg(): boolean {
    return String(this.#metadata.get("encoder")).startsWith("Lavf");
  }

  #namesCodecOf(track: "video" | "audio"): boolean {
    const codec = this.#metadata.get(`${track}codecid`);
    return codec !== undefined && codec !== 0 && codec !== "";
  }

  #videoFacts(): SourceFacts["video"] {
    if (this.#video === null) return null;
    const { track: { codec, config } } = this.#video;
    return {
      codec,
      width: config.width,
      height: config.height,
      fps: this.#estimateFps(),
      bitrateBps: this.#estimateBitrateBps(),
    };
  }

  #audioFacts(): SourceFacts["audio"] {
    if (this.#audio === null) return null;
    const { codec } = this.#audio;
    const { sampleRateHz, channels } = this.#audio.kind === "aac"
      ? this.#audio.config
      : this.#audio;
    return { codec, sampleRateHz, channels };
  }

  /** What the metadata or the SPS announce, unless the frames disagree; snapped to common rates. */
  #estimateFps(): number | null {
    const isMeasured = this.#steps >= MIN_STEPS || this.#stepsMs >= MIN_SPAN_MS;
    const seen = isMeasured || this.#steps >= DOUBT.steps
      ? (1000 * this.#steps) / this.#stepsMs
      : null;
    const measured = isMeasured ? seen : null;
    const tolerance = isMeasured ? FPS_TOLERANCE : DOUBT.tolerance;
    const isLikely = (fps: number) => seen === null || Math.abs(fps / seen - 1) <= tolerance;
    const announced = [this.#number("framerate"), this.#video?.sps.fps ?? null].find((fps) =>
      fps !== null && fps >= 1 && fps <= MAX_FPS && isLikely(fps)
    );
    const fps = announced ?? measured;
    if (fps === null || fps > MAX_FPS) return null;
    if (fps < 1) return fps;
    const rate = toFrameRate(fps);
    return rate.num / rate.den;
  }

  #estimateBitrateBps(): number | null {
    const announcedBps = Math.round((this.#number("videodatarate") ?? 0) * 1000);
    if (announcedBps > 0 && announcedBps <= MAX_BITRATE_BPS) return announcedBps;
    const spanMs = this.#lastFrameMs - this.#firstFrameMs;
    return spanMs < 1000 ? null : Math.round((this.#videoBytes * 8000) / spanMs);
  }

  #number(name: string): number | null {
    const value = this.#metadata.get(name);
    return typeof value === "number" && Number.isFinite(value) ? value : null;
  }
}
