/**
 * The audio of a rendition's parts: every part has all of the time it lasts, with silence where nothing
 * was sent. A segment that lacks a track its init segment names stops every player (hls.js jumps over
 * it, or stands still for good).
 */
import { writeSilentFrame } from "../formats/codecs/aac-frame.ts";
import { type AudioConfig, VIDEO_TIMESCALE } from "../formats/media.ts";
import type { MuxRun } from "../formats/mp4/fragment-writer.ts";
import { timeAudio, type TimedAudioFrame } from "./audio-clock.ts";
import type { CutPart } from "./segmenter.ts";

/** Times are rounded to ticks: a frame this close to the end of a part begins the next one. */
const END_SLACK_90K = 2;

export class AudioRunWriter {
  readonly #config: AudioConfig;
  readonly #silence: Uint8Array;
  /** Where the next frame begins, in samples; null: the first part says. */
  #next: number | null = null;

  constructor(config: AudioConfig) {
    this.#config = config;
    this.#silence = writeSilentFrame(config.channels);
  }

  /** The timeline breaks: the next part begins anew. */
  break(): void {
    this.#next = null;
  }

  /** The frames of `part` that this config decodes, and silence; null when it is too short for one. */
  write(part: Pick<CutPart, "start90k" | "end90k" | "audio">): MuxRun | null {
    const frames = this.#place(part);
    const [first] = frames;
    const last = frames.at(-1);
    if (first === undefined || last === undefined) return null;
    this.#next = last.startTicks + last.durationTicks;
    return {
      decodeTicks: first.startTicks,
      // A frame lasts until the next one: what is left of a gap is less than a frame.
      samples: frames.map((frame, index) => ({
        durationTicks: (frames[index + 1]?.startTicks ?? frame.startTicks + frame.durationTicks) -
          frame.startTicks,
        compositionTicks: 0,
        isSync: true,
        data: frame.data,
      })),
    };
  }

  #place({ start90k, end90k, audio }: Pick<CutPart, "start90k" | "end90k" | "audio">) {
    const config = this.#config;
    const frameTicks = config.samplesPerFrame;
    const own = audio.filter((frame) => frame.config === config);
    const placed: TimedAudioFrame[] = [];
    let next = this.#next ?? this.#startOf(own[0], start90k);
    const fillWhile = (isRoom: () => boolean) => {
      for (; isRoom(); next += frameTicks) placed.push(timeAudio(config, next, this.#silence));
    };
    for (const frame of own) {
      // It comes after silence took its place.
      if (frame.startTicks < next - frameTicks / 2) continue;
      fillWhile(() => frame.startTicks - next >= frameTicks);
      const startTicks = Math.max(next, frame.startTicks);
      placed.push({ ...frame, startTicks });
      next = startTicks + frameTicks;
    }
    // What begins before the end belongs here, as what was sent does; what begins at it is to come.
    const endTicks = this.#toSamples(end90k - END_SLACK_90K);
    fillWhile(() => next < endTicks);
    return placed;
  }

  #startOf(first: TimedAudioFrame | undefined, start90k: number): number {
    const startTicks = Math.max(0, Math.round(this.#toSamples(start90k)));
    if (first === undefined) return startTicks;
    const isNear = Math.abs(first.startTicks - startTicks) < this.#config.samplesPerFrame;
    return isNear ? first.startTicks : Math.min(first.startTicks, startTicks);
  }

  #toSamples(ticks90k: number): number {
    return ticks90k * this.#config.sampleRateHz / VIDEO_TIMESCALE;
  }
}
