/**
 * The recorder as the packager drives it: finished bytes in, a recording in storage out.
 */
import type { Service } from "#shared/lifecycle.ts";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import type { Finding } from "#shared/contracts/issues.ts";
import type { RecordedRendition } from "./journal.ts";

export type RecordingStart = {
  readonly videoUrl: string;
  readonly epoch: number;
  /** Wall clock (Unix ms) of time zero of the broadcast's timeline. */
  readonly wallClockAtZeroMs: number;
  readonly targetDurationS: number;
};

/** An init segment of one rendition with what the multivariant playlist says about it. */
export type RecordedInit = {
  /** The N of `init-N.mp4`. */
  readonly number: number;
  /** RFC 6381, video first. */
  readonly codecs: readonly string[];
  readonly width: number | null;
  readonly height: number | null;
  readonly bytes: Uint8Array;
};

/** A segment to which nothing is added any more. */
export type CompleteSegment = {
  readonly msn: number;
  readonly initNumber: number;
  /** Presentation time of its first frame on the broadcast's timeline. */
  readonly startS: number;
  readonly durationS: number;
  readonly isDiscontinuous: boolean;
  /** It starts at a keyframe. */
  readonly isIndependent: boolean;
  /** Captions have come with the pictures by its end. Default false. */
  readonly hasCaptions?: boolean;
  /** Wall clock of its first frame, Unix ms. */
  readonly wallClockMs: number;
  /** Video frames in it; 0 without video. */
  readonly frames: number;
  /** Its parts as one fragment. */
  readonly bytes: Uint8Array;
};

/** One broadcast being recorded. Nothing here waits for storage, except `finish`. */
export interface Recording {
  addInit(rendition: RenditionName, init: RecordedInit): void;
  addSegment(rendition: RenditionName, segment: CompleteSegment): void;
  /** Whether the segment is in storage by now: it can be played from there. */
  isStored(rendition: RenditionName, msn: number): boolean;
  /** Writes what is still queued and the VOD playlists (bounded). Idempotent. */
  finish(): Promise<RecordingResult>;
  /** Bytes of the segments in storage so far. */
  readonly storedBytes: number;
  /** What is wrong right now, or what was lost. */
  readonly issues: readonly Finding[];
}

export type RecordingResult = {
  readonly durationMs: number;
  readonly recordedBytes: number;
  /** Whether the VOD playlists are in storage: playback can answer from there. */
  readonly isPlayable: boolean;
};

/** Owns the write queue that all recordings of a node share. `stop` writes what is queued (bounded). */
export interface Recorder extends Service {
  begin(start: RecordingStart): Recording;
  /**
   * Goes on with the recording of a broadcast that a process before began.
   * @throws StorageError when it cannot be read
   */
  resume(start: RecordingStart): Promise<ResumedRecording>;
}

export type ResumedRecording = {
  readonly recording: Recording;
  /** What is in storage of it. */
  readonly recorded: readonly RecordedRendition[];
};
