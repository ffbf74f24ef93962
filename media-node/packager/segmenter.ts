/**
 * Decides where one rendition is cut: samples in, parts and segment ends out. Pure and synchronous.
 *
 * All times are presentation times in 1/90000 s. Renditions of a broadcast have equal keyframes and
 * see the same rule, so they are cut at the same times.
 */
import {
  type PictureAbsence,
  VIDEO_TIMESCALE,
  type VideoConfig,
  type VideoSample,
} from "../formats/media.ts";
import type { TimedAudioFrame } from "./audio-clock.ts";

export type SegmenterOptions = {
  readonly segmentTargetMs: number;
  /** Null: a segment is one part. */
  readonly partTargetMs: number | null;
  /** Audio is waited for from the first part on; else from its first frame on. */
  readonly hasAudio: boolean;
};

/** A video sample whose duration is known. */
export type TimedVideoSample = VideoSample & { readonly durationTicks: number };

/** What begins with the first part of a segment. */
export type SegmentStart = {
  readonly isDiscontinuous: boolean;
  /** The description of its samples and of those that follow; null: as before. */
  readonly videoConfig: VideoConfig | null;
};

/** The samples of one part: the whole segment when there are no parts. */
export type CutPart = {
  readonly kind: "part";
  /** Null: the part goes on in the open segment. */
  readonly opensSegment: SegmentStart | null;
  readonly start90k: number;
  readonly end90k: number;
  readonly isIndependent: boolean;
  readonly video: readonly TimedVideoSample[];
  readonly audio: readonly TimedAudioFrame[];
};

/** Nothing more comes for the open segment, which ends at `end90k`. */
export type SegmentEnd = { readonly kind: "segmentEnd"; readonly end90k: number };
export type Cut = CutPart | SegmentEnd;

/** One rendition's cutter. Every call returns the cuts that it made certain, in order. */
export interface Segmenter {
  /** The samples that follow have this description: the first of them, a keyframe, begins a segment. */
  useVideo(config: VideoConfig): void;
  /** The first keyframe after `dtsTicks` begins a segment, however short the one before it gets. */
  cutAfter(dtsTicks: number): void;
  /** Of the newest frame of video; -Infinity before the first, and after a break. */
  readonly lastDtsTicks: number;
  pushVideo(sample: VideoSample): Cut[];
  pushAudio(frame: TimedAudioFrame): Cut[];
  /**
   * The source goes on without pictures: the last keyframe is shown again and again, since players stop
   * at a segment without pictures. What comes then begins with a keyframe.
   */
  standStill(absence: PictureAbsence): Cut[];
  /** Closes what is open; the next segment starts at the next keyframe, with a discontinuity. */
  breakTimeline(): Cut[];
  /** Closes what is open. */
  end(): Cut[];
}

/** The longest segment is this much over its target: EXTINF still rounds to the target duration. */
const MAX_OVER_TARGET_MS = 490;
/** The first segments may be this short, so that a viewer has a picture early. */
const FIRST_SEGMENTS_MS = 1000;
const FIRST_SEGMENTS = 4;
/** Keyframes come a frame early or late by rounding. */
const TOLERANCE_TICKS = ticksOf(50);

/** EXT-X-TARGETDURATION for a segment target: constant for the life of a playlist. */
export function targetDurationSOf(segmentTargetMs: number): number {
  return Math.max(1, Math.round(segmentTargetMs / 1000));
}

/** Where segments may and must end. */
export class CutRule {
  readonly #targetTicks: number;
  /** No segment is longer. */
  readonly maxTicks: number;
  #segments = 0;

  constructor(segmentTargetMs: number) {
    this.#targetTicks = ticksOf(segmentTargetMs);
    this.maxTicks = ticksOf(targetDurationSOf(segmentTargetMs) * 1000 + MAX_OVER_TARGET_MS);
  }

  /** At a keyframe: cut here, when the segment is long enough or would be too long at the next one. */
  isDue(elapsedTicks: number, keyframeIntervalTicks: number): boolean {
    return elapsedTicks >= this.#wantedTicks() - TOLERANCE_TICKS ||
      elapsedTicks + keyframeIntervalTicks > this.maxTicks;
  }

  /** At any sample: its end would make the segment longer than a target duration may be. */
  isOverdue(elapsedTicks: number): boolean {
    return elapsedTicks > this.maxTicks;
  }

  /** How long the open segment lasts with keyframes so far apart. */
  expectedTicks(keyframeIntervalTicks: number): number {
    const wantedTicks = this.#wantedTicks() - TOLERANCE_TICKS;
    const intervals = Math.ceil(wantedTicks / keyframeIntervalTicks);
    return Math.min(intervals * keyframeIntervalTicks, this.maxTicks);
  }

  noteSegment(): void {
    this.#segments += 1;
  }

  #wantedTicks(): number {
    if (this.#segments >= FIRST_SEGMENTS) return this.#targetTicks;
    return Math.min(this.#targetTicks, ticksOf(FIRST_SEGMENTS_MS));
  }
}

/** 1/90000 s in `ms`. */
export function ticksOf(ms: number): number {
  return ms * VIDEO_TIMESCALE / 1000;
}
