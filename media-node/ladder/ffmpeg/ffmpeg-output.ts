/**
 * From ffmpeg's outputs to samples on the broadcast's timeline. Lives as long as the engine, through
 * restarts of ffmpeg: what was handed on once is never handed on again or put back in time.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import type { FlvTag, RungPlan } from "../../formats/media.ts";
import type { EngineOutput } from "../engine.ts";
import type { EngineClock } from "../engine-clock.ts";
import { ENCODED_AUDIO } from "./ffmpeg-args.ts";
import { isSequenceHeader, isVideoKeyframe } from "../source-tag.ts";

/** FLV: frame type and codec, packet type, composition offset; then the data. */
const VIDEO_TAG_HEADER_BYTES = 5;
/** FLV: sound format, AAC packet type; then the data. */
const AUDIO_TAG_HEADER_BYTES = 2;
const AAC_SAMPLES_PER_FRAME = 1024;

export class RungOutput {
  readonly #name: RenditionName;
  readonly #output: EngineOutput;
  #avcC: Uint8Array | undefined;
  #size: Pick<RungPlan, "width" | "height"> = { width: null, height: null };
  #lastDtsTicks: number;
  #isAwaitingKeyframe = true;
  #isNewlyConfigured = false;

  /** `shownTicks`: what was handed on before by somebody else; -Infinity when nothing was. */
  constructor(name: RenditionName, output: EngineOutput, shownTicks: number) {
    this.#name = name;
    this.#output = output;
    this.#lastDtsTicks = shownTicks;
  }

  /** Decode time of the last sample handed on; -Infinity before the first. */
  get lastDtsTicks(): number {
    return this.#lastDtsTicks;
  }

  /** A new ffmpeg delivers from here on, in the size of `shown`: it begins with a keyframe. */
  restart({ width, height }: Pick<RungPlan, "width" | "height">): void {
    this.#isAwaitingKeyframe = true;
    this.#size = { width, height };
  }

  push(tag: FlvTag, clock: EngineClock | undefined): void {
    if (isSequenceHeader(tag)) return this.#configure(tag.body.subarray(VIDEO_TAG_HEADER_BYTES));
    if (clock === undefined || tag.body[1] !== 1) return;
    const isEncodedAsKeyframe = isVideoKeyframe(tag);
    const { dtsTicks, durationTicks, isKeyframe } = clock.frameTime(tag.dtsMs);
    if (this.#isAwaitingKeyframe && !isEncodedAsKeyframe) return;
    if (dtsTicks <= this.#lastDtsTicks || dtsTicks < 0) {
      this.#isAwaitingKeyframe = true;
      return;
    }
    this.#isAwaitingKeyframe = false;
    this.#lastDtsTicks = dtsTicks;
    this.#output.onVideoSample(this.#name, {
      dtsTicks,
      compositionTicks: 0,
      durationTicks,
      isKeyframe: isEncodedAsKeyframe && this.#isPlaceToCut(isKeyframe),
      data: tag.body.subarray(VIDEO_TAG_HEADER_BYTES),
    });
    this.#isNewlyConfigured = false;
  }

  /**
   * Where an encoder starts anew between two keyframes of the source, its first frame could be a
   * keyframe as well; but there the copy has none, and renditions are cut at the same times.
   */
  #isPlaceToCut(isSourceKeyframe: boolean | null): boolean {
    return isSourceKeyframe !== false || this.#isNewlyConfigured;
  }

  #configure(avcC: Uint8Array): void {
    if (this.#avcC !== undefined && Buffer.compare(this.#avcC, avcC) === 0) return;
    this.#avcC = avcC;
    this.#isNewlyConfigured = true;
    const { width, height } = this.#size;
    this.#output.onVideoConfig(this.#name, {
      kind: "video",
      avcC,
      width: width ?? 0,
      height: height ?? 0,
    });
  }
}

export class AudioOutput {
  readonly #output: EngineOutput;
  #isConfigured = false;
  #lastPtsMs = -Infinity;

  constructor(output: EngineOutput) {
    this.#output = output;
  }

  /** When the last frame handed on is heard; -Infinity before the first. */
  get lastPtsMs(): number {
    return this.#lastPtsMs;
  }

  push(tag: FlvTag, clock: EngineClock | undefined): void {
    const data = tag.body.subarray(AUDIO_TAG_HEADER_BYTES);
    if (isSequenceHeader(tag)) return this.#configure(data);
    if (clock === undefined) return;
    const ptsMs = clock.toBroadcastMs(tag.dtsMs);
    // The encoder's run-in lies before the first sound.
    if (ptsMs < 0 || ptsMs <= this.#lastPtsMs) return;
    this.#lastPtsMs = ptsMs;
    this.#output.onAudioFrame({ ptsMs, data });
  }

  #configure(asc: Uint8Array): void {
    if (this.#isConfigured) return;
    this.#isConfigured = true;
    const { sampleRateHz, channels } = ENCODED_AUDIO;
    const samplesPerFrame = AAC_SAMPLES_PER_FRAME;
    this.#output.onAudioConfig({ kind: "audio", asc, sampleRateHz, channels, samplesPerFrame });
  }
}
