/**
 * Audio time counted in samples. Tags tell milliseconds, and many encoders stamp them when they come
 * to it; so frames lie end to end, and the count is put right only where the tags disagree for long.
 */
import { type AudioConfig, VIDEO_TIMESCALE } from "../formats/media.ts";

/** A frame with the time its tag tells. */
export type TaggedAudio = { readonly ms: number; readonly data: Uint8Array };
/** A frame with its place on the timeline, in 1/90000 s. */
export type PlacedAudio = { readonly dtsTicks: number; readonly data: Uint8Array };

/**
 * A tag this far from the count is a hole or a step of the clock, if the next one says so, too: some
 * times as far as the tags of this encoder usually are. One that stamps well is believed a frame.
 */
const STEP_SPREADS = 4;
const MAX_STEP_MS = 250;
const MIN_STEP_FRAMES = 0.8;
/** What is expected of an encoder that is not known yet, and how fast it gets known: per frame. */
const FIRST_SPREAD_MS = 60;
const SPREAD_SHARE = 1 / 16;
/** What the tags may be off by on average over a second. */
const MAX_MEAN_MS = 100;
const MEAN_SPAN_MS = 1000;

export class AudioClock {
  readonly #rateHz: number;
  readonly #frameSamples: number;
  readonly #notBefore: number;
  /** Where the next frame begins, in samples; null before the first. */
  #next: number | null = null;
  /** How far the tags are ahead of the count, on average over `#counted` frames, a second at most. */
  #meanMs = 0;
  #counted = 0;
  /** How far a tag usually is from that average. */
  #spreadMs = FIRST_SPREAD_MS;
  /** Frames to leave out: more were counted than the tags have room for. */
  #surplus = 0;
  /** A frame far from the count, until the next one tells what it is. */
  #stray: TaggedAudio | null = null;

  /** `notBeforeTicks`: the end (1/90000 s) of what an earlier clock gave out. */
  constructor(
    { sampleRateHz, samplesPerFrame }: Pick<AudioConfig, "sampleRateHz" | "samplesPerFrame">,
    notBeforeTicks: number | null = null,
  ) {
    this.#rateHz = sampleRateHz;
    this.#frameSamples = samplesPerFrame;
    this.#notBefore = notBeforeTicks === null
      ? 0
      : Math.round(notBeforeTicks * sampleRateHz / VIDEO_TIMESCALE);
  }

  /** Where the frame after the last one begins, in 1/90000 s; null before the first. */
  get endTicks(): number | null {
    return this.#next === null ? null : this.#toTicks(this.#next);
  }

  /** The frames that have a place now: as a rule the one that comes. */
  push(frame: TaggedAudio): PlacedAudio[] {
    this.#next ??= Math.max(this.#toSamples(frame.ms), this.#notBefore);
    const stray = this.#stray;
    this.#stray = null;
    // Beside a stray the count is a frame further than it was told.
    const countedMs = stray === null ? 0 : this.frameMs;
    if (Math.abs(this.#driftMs(frame) - countedMs - this.#meanMs) <= this.#stepMs) {
      // One that was alone with its time is heard where it was counted.
      return [...stray === null ? [] : this.#count(stray.data), ...this.#follow(frame)];
    }
    if (stray === null) {
      this.#stray = frame;
      return [];
    }
    this.#correct(this.#driftMs(stray));
    return [...this.#count(stray.data), ...this.#follow(frame)];
  }

  #follow(frame: TaggedAudio): PlacedAudio[] {
    const span = Math.max(1, Math.round(MEAN_SPAN_MS / this.frameMs));
    this.#counted = Math.min(span, this.#counted + 1);
    const offMs = this.#driftMs(frame) - this.#meanMs;
    this.#meanMs += offMs / this.#counted;
    this.#spreadMs += (Math.abs(offMs) - this.#spreadMs) * SPREAD_SHARE;
    if (this.#counted === span && Math.abs(this.#meanMs) > MAX_MEAN_MS) this.#correct(this.#meanMs);
    return this.#count(frame.data);
  }

  /** The tags are right: a hole is left, or frames are left out. */
  #correct(driftMs: number): void {
    if (driftMs > 0) this.#next = (this.#next ?? 0) + this.#toSamples(driftMs);
    else this.#surplus = Math.round(-driftMs / this.frameMs);
    this.#meanMs = 0;
    this.#counted = 0;
  }

  #count(data: Uint8Array): PlacedAudio[] {
    if (this.#surplus > 0) {
      this.#surplus -= 1;
      return [];
    }
    const start = this.#next ?? 0;
    this.#next = start + this.#frameSamples;
    return [{ dtsTicks: this.#toTicks(start), data }];
  }

  get #stepMs(): number {
    const usualMs = Math.max(this.#spreadMs * STEP_SPREADS, this.frameMs * MIN_STEP_FRAMES);
    return Math.min(MAX_STEP_MS, usualMs);
  }

  #driftMs({ ms }: TaggedAudio): number {
    return ms - (this.#next ?? 0) * 1000 / this.#rateHz;
  }

  /** How long a frame lasts. */
  get frameMs(): number {
    return this.#frameSamples * 1000 / this.#rateHz;
  }

  #toSamples(ms: number): number {
    return Math.round(ms * this.#rateHz / 1000);
  }

  #toTicks(samples: number): number {
    return Math.round(samples * VIDEO_TIMESCALE / this.#rateHz);
  }
}
