/**
 * The engine port: turns the source's video into the encoded rungs of a ladder.
 * The ffmpeg command line is its adapter; nothing else depends on how it works inside.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import type {
  AudioConfig,
  AudioFrame,
  ClassicAudioTrack,
  MediaFrame,
  RungPlan,
  VideoConfig,
  VideoSample,
  VideoTrack,
} from "../formats/media.ts";
import type { PictureSize } from "./picture-size.ts";
import type { SourceClock } from "./source-clock.ts";

export type EngineStart = {
  /** Only encoded rungs, low to high; empty when only the audio must be encoded. */
  readonly rungs: readonly RungPlan[];
  /** Frames per second: of every rung, or of the source when its times are kept; null without video. */
  readonly fps: number | null;
  /** What is decoded; null when there are no rungs. */
  readonly video: VideoTrack | null;
  /** Audio that must be encoded as well; null: none. */
  readonly audio: ClassicAudioTrack | null;
  readonly segmentTargetMs: number;
  /**
   * Set: frames and keyframes keep the times this clock gives the source's, because a copy of it is
   * among the renditions. It has placed every frame before `push` gets it. Null: a steady rate and
   * keyframes of our own.
   */
  readonly sourceClock: SourceClock | null;
  /** What was shown already: the current group of pictures, decoded again but not shown again. */
  readonly resume: { readonly frames: readonly MediaFrame[]; readonly shownTicks: number } | null;
  /** Of the small picture that is made every few seconds; null: none are made. */
  readonly pictureSize: PictureSize | null;
};

/** All times are on the broadcast's timeline, as the frames that were pushed. */
export interface EngineOutput {
  /** Another config than before: the rung's next sample starts anew, without a break in time. */
  onVideoConfig(rung: RenditionName, config: VideoConfig): void;
  onVideoSample(rung: RenditionName, sample: VideoSample): void;
  onAudioConfig(config: AudioConfig): void;
  onAudioFrame(frame: AudioFrame): void;
  /** A JPEG of the size that was asked for, of the frame shown at `ptsMs`. */
  onPicture(ptsMs: number, jpeg: Uint8Array): void;
  /** The engine is gone and did not come back on its own: the owner decides what to do. */
  onFailure(error: Error): void;
  onDrain(): void;
}

/** How an encoder keeps up with its source. */
export type EncoderPace = {
  /** Encoded seconds per second over the last seconds; null before the first figure. */
  readonly speed: number | null;
  /** How far it is behind the source, in ms. */
  readonly lagMs: number;
};

export interface RunningEngine {
  /**
   * `aheadMs`: how long before its time the frame comes. False: the input is full, stop pushing until
   * `onDrain`; what is pushed all the same may be lost.
   */
  push(frame: MediaFrame, aheadMs: number): boolean;
  readonly pace: EncoderPace;
  /** What is left out because the machine is too busy, as part of a sentence; null when nothing is. */
  readonly shortfall: string | null;
  /** Closes the input, delivers what is left, ends the process (bounded). */
  stop(): Promise<void>;
}

/** Starts to encode. */
export type StartEngine = (start: EngineStart, output: EngineOutput) => RunningEngine;
