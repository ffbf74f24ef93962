/**
 * From ffmpeg's outputs to samples on the broadcast's timeline. Lives as long as the engine, through
 * restarts of ffmpeg: what was handed on once is never handed on again or put back in time.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import type { FlvTag, RungPlan } from "../media.ts";
import type { EngineOutput } from "./engine.ts";
import type { EngineClock } from "./engine-clock.ts";
import { ENCODED_AUDIO } from "./ffmpeg-args.ts";
import { isSequenceHeader, isVideoKeyframe } from "./source-tag.ts";

/** FLV: frame type and codec, packet type, composition offset; then the data. */
const VIDEO_TAG_HEADER_BYTES = 5;
/** FLV: sound format, AAC packet type; then the data. */
const AUDIO_TAG_HEADER_BYTES = 2;
const AAC_SAMPLES_PER_FRAME = 1024;

export class RungOutput {
  readonly #rung: RungPlan;
  readonly #output: EngineOutput;
  #avcC: Uint8Array | undefined;
  #lastDtsTicks = -Infinity;
  #isAwaitingKeyframe = true;

  constructor(rung: RungPlan, output: EngineOutput) {
    this.#rung = rung;
    this.#output = output;
  }

  /** Decode time of the last sample handed on; -Infinity before the first. */
  get lastDtsTicks(): number {
    return this.#lastDtsTicks;
  }

  /** A new ffmpeg delivers from here on: it begins with a keyframe. */
  restart(): void {
    this.#isAwaitingKeyframe = true;
  }

  push(tag: FlvTag, clock: EngineClock): void {
    if (tag.type !== "video") return;
    if (isSequenceHeader(tag)) return this.#configure(tag.body.subarray(VIDEO_TAG_HEADER_BYTES));
    if (tag.body[1] !== 1) return;
    const isKeyframe = isVideoKeyframe(tag);
    const { dtsTicks, durationTicks } = clock.frameTime(tag.dtsMs);
    if (this.#isAwaitingKeyframe && !isKeyframe) return;
    if (dtsTicks <= this.#lastDtsTicks || dtsTicks < 0) {
      this.#isAwaitingKeyframe = true;
      return;
    }
    this.#isAwaitingKeyframe = false;
    this.#lastDtsTicks = dtsTicks;
    const data = tag.body.subarray(VIDEO_TAG_HEADER_BYTES);
    const sample = { dtsTicks, compositionTicks: 0, durationTicks, isKeyframe, data };
    this.#output.onVideoSample(this.#rung.name, sample);
  }

  #configure(avcC: Uint8Array): void {
    if (this.#avcC !== undefined && Buffer.compare(this.#avcC, avcC) === 0) return;
    this.#avcC = avcC;
    const name: RenditionName = this.#rung.name;
    const { width, height } = this.#rung;
    this.#output.onVideoConfig(name, {
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

  push(tag: FlvTag, clock: EngineClock): void {
    if (tag.type !== "audio") return;
    const data = tag.body.subarray(AUDIO_TAG_HEADER_BYTES);
    if (isSequenceHeader(tag)) return this.#configure(data);
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
