/**
 * The engine port: turns the source's video into the encoded rungs of a ladder.
 * The ffmpeg command line is its adapter; nothing else depends on how it works inside.
 */
import type { AudioConfig, AudioFrame, FlvTag, VideoConfig, VideoSample } from "../media.ts";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import type { RungPlan } from "../media.ts";

export type EngineStart = {
  /** Only encoded rungs, low to high; empty when only the audio must be encoded. */
  readonly rungs: readonly RungPlan[];
  /** Output frames per second of every rung; null without video. */
  readonly fps: number | null;
  /** FLV sequence headers the source sent, in order: what a decoder needs first. */
  readonly sequenceHeaders: readonly FlvTag[];
  /** The source's audio is not AAC: encode it as well. */
  readonly encodesAudio: boolean;
  readonly segmentTargetMs: number;
};

/** All times are on the broadcast's timeline, as the tags that were pushed. */
export interface EngineOutput {
  onVideoConfig(rung: RenditionName, config: VideoConfig): void;
  onVideoSample(rung: RenditionName, sample: VideoSample): void;
  onAudioConfig(config: AudioConfig): void;
  onAudioFrame(frame: AudioFrame): void;
  /** The engine is gone and did not come back on its own: the owner decides what to do. */
  onFailure(error: Error): void;
  onDrain(): void;
}

export interface Engine {
  start(start: EngineStart, output: EngineOutput): void;
  /** False: its input is full, stop pushing until `onDrain`. */
  push(tag: FlvTag): boolean;
  /** Encoded seconds per second, smoothed; null before the first figure. */
  readonly speed: number | null;
  /** Closes the input, delivers what is left, ends the process (bounded). */
  stop(): Promise<void>;
}
