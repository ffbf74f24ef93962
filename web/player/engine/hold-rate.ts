/**
 * How fast to play so that a live picture keeps its distance from the live edge.
 */

/** All in seconds. */
export type LivePosition = {
  /** How far the picture is behind what could be played at most. */
  readonly latencyS: number;
  /** How far it should be. */
  readonly targetS: number;
  /** What can be played before more has to come. */
  readonly bufferS: number;
};

export type HoldStep =
  | { readonly kind: "rate"; readonly rate: number }
  /** Too far behind to make up for it by playing faster. */
  | { readonly kind: "jump" };

export const MAX_RATE = 1.5;
const MIN_RATE = 0.9;
/** A correction begins outside of the wide band and ends inside of the narrow one. */
const BEGIN_S = 0.08;
const END_S = 0.02;
/** Below this share of the target in the buffer, a stall is near. */
const THIN_BUFFER = 0.15;

/** The next step from `position`, played at `rate` so far; further than `jumpS` behind: a jump. */
export function holdRate(position: LivePosition, rate: number, jumpS: number): HoldStep {
  const { latencyS, targetS, bufferS } = position;
  const distanceS = latencyS - targetS;
  if (distanceS > jumpS) return { kind: "jump" };
  if (bufferS < targetS * THIN_BUFFER) return { kind: "rate", rate: MIN_RATE };
  const toleranceS = rate === 1 ? BEGIN_S : END_S;
  const isLate = distanceS > toleranceS && rate >= 1;
  const isEarly = distanceS < -toleranceS && rate <= 1;
  if (isLate) return { kind: "rate", rate: Math.min(MAX_RATE, 1.02 + roundTo5(distanceS / 3)) };
  if (isEarly) return { kind: "rate", rate: Math.max(MIN_RATE, 0.98 - roundTo5(-distanceS / 5)) };
  return { kind: "rate", rate: 1 };
}

/** In steps: each change of the rate is a small effort for the audio renderer. */
function roundTo5(value: number): number {
  return Math.round(value * 20) / 20;
}
