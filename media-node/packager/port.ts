/**
 * The packager as a broadcast drives it: samples in, playable renditions out.
 */
import type { Logger } from "#shared/log.ts";
import type { Recorder } from "../recorder/port.ts";
import type {
  AudioConfig,
  AudioFrame,
  PictureAbsence,
  RungPlan,
  VideoConfig,
  VideoSample,
} from "../formats/media.ts";
import type { LiveRegistry } from "../live/live-registry.ts";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import type { Finding } from "#shared/contracts/issues.ts";

export type PackagerStart = {
  readonly videoUrl: string;
  readonly epoch: number;
  readonly rungs: readonly RungPlan[];
  /** Wall clock (Unix ms) of time zero of the broadcast's timeline: EXT-X-PROGRAM-DATE-TIME. */
  readonly wallClockAtZeroMs: number;
  readonly segmentTargetMs: number;
  /** Null: no parts. */
  readonly partTargetMs: number | null;
  /** How far viewers can go back while it is live, as far as storage has it. Default 0. */
  readonly dvrWindowS?: number;
  /** Whether the source has each kind of track. */
  readonly hasVideo: boolean;
  readonly hasAudio: boolean;
  /** The audio has not come yet: it is heard as silence until it does. Default false. */
  readonly isAudioAwaited?: boolean;
};

/** What a packager works with: where playback finds it, and who keeps its segments. */
export type PackagerDeps = {
  readonly live: LiveRegistry;
  /** Null: nothing is recorded. */
  readonly recorder: Recorder | null;
  /** The node's own folder for this broadcast, for a process after a crash. Default null: none. */
  readonly spoolFolder?: string | null;
  readonly log: Logger;
};

/** Muxes the audio into every rendition, cuts, keeps the live window and answers playback. */
export interface Packager {
  /**
   * A config that differs from the one in force begins a segment with a new init segment. Time goes
   * on: only `markDiscontinuity`, or another track, makes a discontinuity of it.
   */
  setVideoConfig(rung: RenditionName, config: VideoConfig): void;
  /**
   * Audio that joins, or is described anew, begins with the next keyframe, behind a discontinuity: no
   * picture is lost. What was declared once and does not come is heard as silence.
   */
  setAudioConfig(config: AudioConfig): void;
  pushVideo(rung: RenditionName, sample: VideoSample): void;
  pushAudio(frame: AudioFrame): void;
  /** The source goes on without pictures: the last keyframe is shown meanwhile. */
  standStill(absence: PictureAbsence): void;
  /** The timeline jumps: closes the open segments; the next ones carry EXT-X-DISCONTINUITY. */
  markDiscontinuity(): void;
  /**
   * The wall clock (Unix ms) of the timeline's zero after the next discontinuity: the publisher was
   * away, and what it did not send has no place on the timeline.
   */
  useClock(wallClockAtZeroMs: number): void;
  /** How the renditions are made from here on: what was a copy may be encoded. */
  useRungs(rungs: readonly RungPlan[]): void;
  /** The pictures have captions (CEA-608 or -708). */
  noteCaptions(): void;
  /** Where what was published ends on the timeline. */
  readonly endMs: number;
  /** Closes everything; playlists get EXT-X-ENDLIST and all waiters are answered. Idempotent. */
  end(): Promise<RecordingSummary>;
  readonly isPlayable: boolean;
  /** Bytes of the recording in storage so far; 0 without one. */
  readonly recordedBytes: number;
  /** What keeps this broadcast from being recorded, or from being played well; empty when all is well. */
  readonly issues: readonly Finding[];
}

export type RecordingSummary = {
  readonly durationMs: number;
  readonly segments: number;
  /** 0 when recording is off or nothing could be kept. */
  readonly recordedBytes: number;
};
