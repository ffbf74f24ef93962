/**
 * How long a publisher's media is looked at before the ladder is planned. Pure: a state in, a deadline
 * out.
 */

/** `here`: frames came. `declared`: it will come. `unknown`: nobody said. `absent`: said not to come. */
export type TrackHope = "here" | "declared" | "unknown" | "absent";

export type FirstLook = {
  readonly video: TrackHope;
  readonly audio: TrackHope;
  /** Frames of video from the first keyframe on. */
  readonly videoFrames: number;
  readonly isRateKnown: boolean;
  /** The publisher was here before: its renditions are planned, and go on without a track for a while. */
  readonly isReturn: boolean;
};

/**
 * Video that is declared cannot be far: an encoder's keyframes are 8.3 s apart by default, and a relay
 * that joins between two of them has nothing else to send until then.
 */
const DECLARED_VIDEO_MS = 10_000;
const UNKNOWN_VIDEO_MS = 1000;
/** Viewers wait as well: they see the last picture until another one comes. */
const RETURNING_VIDEO_MS = 1000;
/** Audio that is late is heard as silence until it comes. */
const DECLARED_AUDIO_MS = 1000;
const UNKNOWN_AUDIO_MS = 400;
/** Viewers hear silence as soon as it is missing. */
const RETURNING_AUDIO_MS = 200;
const RATE_MS = 1000;
/** The second frame of a camera that sends one every few seconds. */
const SECOND_FRAME_MS = 4000;
/** With fewer frames it does not show whether they are flagged as what they are. */
const MIN_FRAMES = 3;

/**
 * Ms after the first frame of the video, or of the audio while there is no video, by which to go on
 * with what there is; 0: at once; null: there is nothing to go on with.
 */
export function deadlineMsOf(look: FirstLook): number | null {
  const { video, audio, videoFrames, isRateKnown, isReturn } = look;
  if (video === "here") {
    return Math.max(
      audioMsOf(audio, isReturn),
      isRateKnown && videoFrames >= MIN_FRAMES ? 0 : RATE_MS,
      videoFrames < 2 ? SECOND_FRAME_MS : 0,
    );
  }
  if (audio !== "here") return null;
  if (video === "absent") return 0;
  if (video === "unknown") return UNKNOWN_VIDEO_MS;
  return isReturn ? RETURNING_VIDEO_MS : DECLARED_VIDEO_MS;
}

function audioMsOf(audio: TrackHope, isReturn: boolean): number {
  if (audio === "here" || audio === "absent") return 0;
  if (isReturn) return RETURNING_AUDIO_MS;
  return audio === "declared" ? DECLARED_AUDIO_MS : UNKNOWN_AUDIO_MS;
}
