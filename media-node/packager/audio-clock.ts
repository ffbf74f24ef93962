/**
 * Audio time counted in samples. Tags tell milliseconds, too coarse to place frames end to end; so
 * frames are counted, and the count is corrected when it drifts a whole frame from the tags.
 */
import { type AudioConfig, type AudioFrame, VIDEO_TIMESCALE } from "../formats/media.ts";

/** An AAC frame with its place on the timeline. */
export type TimedAudioFrame = {
  /** In the audio track's timescale, its sample rate. */
  readonly startTicks: number;
  readonly durationTicks: number;
  /** The same two in 1/90000 s, not rounded. */
  readonly start90k: number;
  readonly end90k: number;
  /** What decodes it. */
  readonly config: AudioConfig;
  readonly data: Uint8Array;
};

/** Gives each frame its exact time. One per audio config. */
export class AudioClock {
  readonly #config: AudioConfig;
  #nextTicks: number | null = null;

  /** `notBeforeTicks`: the end of what an earlier clock of the same rate gave out. */
  constructor(config: AudioConfig, notBeforeTicks: number | null = null) {
    this.#config = config;
    this.#nextTicks = notBeforeTicks;
  }

  get nextTicks(): number | null {
    return this.#nextTicks;
  }

  /** The frame with its time; null when the count has run a frame ahead of the tags: left out. */
  place(frame: AudioFrame): TimedAudioFrame | null {
    const { sampleRateHz, samplesPerFrame } = this.#config;
    const taggedTicks = Math.max(0, Math.round(frame.ptsMs * sampleRateHz / 1000));
    let startTicks = this.#nextTicks ?? taggedTicks;
    const driftTicks = taggedTicks - startTicks;
    if (driftTicks <= -samplesPerFrame) return null;
    if (driftTicks >= samplesPerFrame) startTicks = taggedTicks;
    this.#nextTicks = startTicks + samplesPerFrame;
    return {
      startTicks,
      durationTicks: samplesPerFrame,
      start90k: this.#to90k(startTicks),
      end90k: this.#to90k(this.#nextTicks),
      config: this.#config,
      data: frame.data,
    };
  }

  #to90k(ticks: number): number {
    return ticks * VIDEO_TIMESCALE / this.#config.sampleRateHz;
  }
}
