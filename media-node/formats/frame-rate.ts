/**
 * Frame rates as exact fractions, so that a frame's time can be computed from its number.
 */

/** Frames per second as `num / den`. */
export type FrameRate = { readonly num: number; readonly den: number };

const NTSC = [24, 30, 48, 60].map((rate) => ({ num: rate * 1000, den: 1001 }));
const WHOLE = [10, 12, 15, 20, 24, 25, 30, 48, 50, 60].map((rate) => ({ num: rate, den: 1 }));
const COMMON: readonly FrameRate[] = [...NTSC, ...WHOLE];

/** How far, as a share, a measured rate may lie from the common one it is taken for. */
const SNAP = 0.005;

/** Slower than this a frame lasts longer than parts and segments may. */
const SLOW_FPS = 2;

/** Whether frames must be repeated where a source has none. */
export function isSlow({ num, den }: FrameRate): boolean {
  return num / den <= SLOW_FPS;
}

/** The fraction meant by `fps`: a common rate when one is within 0.5 %, else a whole number ≥ 1. */
export function toFrameRate(fps: number): FrameRate {
  const distance = (rate: FrameRate) => Math.abs(rate.num / rate.den / fps - 1);
  const nearest = COMMON.reduce((best, rate) => distance(rate) < distance(best) ? rate : best);
  return distance(nearest) <= SNAP ? nearest : { num: Math.max(1, Math.round(fps)), den: 1 };
}

/** `fps`, or the common rate that it is a measurement of. */
export function snapFps(fps: number): number {
  const { num, den } = toFrameRate(fps);
  return Math.abs(num / den / fps - 1) <= SNAP ? num / den : fps;
}

/** When frame `n` of a constant rate is shown, in units of `1 / timescale` s, rounded. */
export function timeOfFrame(n: number, rate: FrameRate, timescale: number): number {
  return Math.round((n * rate.den * timescale) / rate.num);
}

/** The number of the frame nearest to `ms`. */
export function frameAt(ms: number, rate: FrameRate): number {
  return Math.round((ms * rate.num) / (rate.den * 1000));
}
