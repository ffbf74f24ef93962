/**
 * Audio in samples: frames lie end to end where their times differ by rounding alone.
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

  /** The frame with its time; null when there is no room for it: left out. */
  place({ dtsTicks, data }: AudioFrame): TimedAudioFrame | null {
    const { sampleRateHz, samplesPerFrame } = this.#config;
    const saidTicks = Math.max(0, Math.round(dtsTicks * sampleRateHz / VIDEO_TIMESCALE));
    let startTicks = this.#nextTicks ?? saidTicks;
    const driftTicks = saidTicks - startTicks;
    if (driftTicks <= -samplesPerFrame) return null;
    if (driftTicks >= samplesPerFrame / 2) startTicks = saidTicks;
    this.#nextTicks = startTicks + samplesPerFrame;
    return timeAudio(this.#config, startTicks, data);
  }
}

/** A frame of `config` that begins at `startTicks` (samples). */
export function timeAudio(
  config: AudioConfig,
  startTicks: number,
  data: Uint8Array,
): TimedAudioFrame {
  const to90k = (ticks: number) => ticks * VIDEO_TIMESCALE / config.sampleRateHz;
  const durationTicks = config.samplesPerFrame;
  const [start90k, end90k] = [to90k(startTicks), to90k(startTicks + durationTicks)];
  return { startTicks, durationTicks, start90k, end90k, config, data };
}
