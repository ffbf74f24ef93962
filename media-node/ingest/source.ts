/**
 * What a publisher sends, complete enough to plan a ladder and to start decoders.
 */
import type { SourceFacts } from "#shared/contracts/broadcast.ts";
import type { AudioTrack, VideoTrack } from "../formats/media.ts";

/** What decides whether it can be a rendition as it is; null: not known (yet). */
export type SourceDetails = {
  /** 4:2:0, 8 bits, progressive: what every browser plays. */
  readonly isCommonFormat: boolean | null;
  /** Frames are shown in another order than they are decoded in. */
  readonly hasBFrames: boolean | null;
  /** Why its facts cannot be trusted, in words; null: they can. */
  readonly copyObstacle: string | null;
};

export type Source = {
  readonly facts: SourceFacts;
  readonly details: SourceDetails;
  readonly video: VideoTrack | null;
  readonly audio: AudioTrack | null;
  /**
   * No audio came, and nobody said that there is none: it is heard as silence until it does. A track
   * that viewers do not have from the start cannot be added to what their browsers play.
   */
  readonly isAudioAwaited: boolean;
};
