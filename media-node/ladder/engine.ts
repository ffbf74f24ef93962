/**
 * The engine port: turns the source's video into the encoded rungs of a ladder.
 * The ffmpeg command line is its adapter; nothing else depends on how it works inside.
 */
import type {
  AudioConfig,
  AudioFrame,
  FlvTag,
  VideoConfig,
  VideoSample,
} from "../formats/media.ts";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import type { RungPlan } from "../formats/media.ts";
import type { SourceClock } from "./source-clock.ts";

export type EngineStart = {
  /** Only encoded rungs, low to high; empty when only the audio must be encoded. */
  readonly rungs: readonly RungPlan[];
  /** Frames per second: of every rung, or of the source when its times are kept; null without video. */
  readonly fps: number | null;
  /** FLV sequence headers the source sent, in order: what a decoder needs first. */
  readonly sequenceHeaders: readonly FlvTag[];
  /** The source's audio is not AAC: encode it as well. */
  readonly encodesAudio: boolean;
  readonly segmentTargetMs: number;
  /**
   * Set: frames and keyframes keep the times this clock gives the source's, because a copy of it is
   * among the renditions. It has placed every tag before `push` gets it. Null: a steady rate and
   * keyframes of our own.
   */
  readonly sourceClock: SourceClock | null;
  /** What was shown already: the current group of pictures, decoded again but not shown again. */
  readonly resume: { readonly tags: readonly FlvTag[]; readonly shownTicks: number } | null;
  /** Every few seconds a small picture for the storyboard. */
  readonly takesPictures: boolean;
};

/** All times are on the broadcast's timeline, as the tags that were pushed. */
export interface EngineOutput {
  /** Another config than before: the rung's next sample starts anew, without a break in time. */
  onVideoConfig(rung: RenditionName, config: VideoConfig): void;
  onVideoSample(rung: RenditionName, sample: VideoSample): void;
  onAudioConfig(config: AudioConfig): void;
  onAudioFrame(frame: AudioFrame): void;
  /** A JPEG, 160 pixels wide, of the frame shown at `ptsMs`. */
  onPicture(ptsMs: number, jpeg: Uint8Array): void;
  /** The engine is gone and did not come back on its own: the owner decides what to do. */
  onFailure(error: Error): void;
  onDrain(): void;
}

export interface Engine {
  start(start: EngineStart, output: EngineOutput): void;
  /**
   * `aheadMs`: how long before its time the tag comes. False: its input is full, stop pushing until
   * `onDrain`; what is pushed all the same may be lost.
   */
  push(tag: FlvTag, aheadMs: number): boolean;
  /** Encoded seconds per second, smoothed; null before the first figure. */
  readonly speed: number | null;
  /** What is left out because the machine is too busy, in words; null when nothing is. */
  readonly shortfall: string | null;
  /** Closes the input, delivers what is left, ends the process (bounded). */
  stop(): Promise<void>;
}
