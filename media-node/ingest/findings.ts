/**
 * What the way in finds odd about a publisher, beyond its figures.
 */
import type { Finding } from "#shared/contracts/issues.ts";

/** Of one connection, up to now. */
export type IntakeFindings = {
  /** The track that began after the broadcast. */
  readonly lateTrack: "video" | "audio" | null;
  /** Tracks beyond the first of each kind, which are left out. */
  readonly extraTracks: number;
  /** Frames are marked as keyframes where no decoder can begin, or are not where one can. */
  readonly keyframesMisflagged: boolean;
  /** The picture is renewed bit by bit where keyframes should be. */
  readonly intraRefresh: boolean;
  /** AAC comes whose configuration never came: it is left out. */
  readonly audioWithoutConfig: boolean;
};

export const NO_INTAKE_FINDINGS: IntakeFindings = {
  lateTrack: null,
  extraTracks: 0,
  keyframesMisflagged: false,
  intraRefresh: false,
  audioWithoutConfig: false,
};

/** `intake` as issues that hold. */
export function listIntakeFindings(intake: IntakeFindings): Finding[] {
  const { lateTrack, extraTracks, intraRefresh, keyframesMisflagged, audioWithoutConfig } = intake;
  const findings: Finding[] = [];
  // Where it is refreshed is what encoders mark as keyframes.
  if (intraRefresh) findings.push({ code: "KEYFRAME_INTERVAL", isRefreshed: true });
  else if (keyframesMisflagged) findings.push({ code: "KEYFRAMES_MISFLAGGED" });
  if (audioWithoutConfig) findings.push({ code: "AUDIO_CODEC", codec: null });
  if (lateTrack !== null) findings.push({ code: "LATE_TRACK", track: lateTrack });
  if (extraTracks > 0) findings.push({ code: "EXTRA_TRACKS", measured: extraTracks, wanted: 0 });
  return findings;
}
