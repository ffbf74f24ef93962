/**
 * Whether frames are missing. A rate that is low is not unsteady, nor one that follows what is on a
 * screen: both are meant. What is not meant are holes in a movement, which an encoder leaves that does
 * not keep up, and holes up to the next keyframe, which one leaves whose upload does not keep up.
 */
import type { Finding } from "#shared/contracts/issues.ts";
import { type MediaFrame, VIDEO_TIMESCALE } from "../../formats/media.ts";
import { roundTo } from "./round-to.ts";

/** Two halves of 10 s, both of which must have holes: a change of scene is over sooner. */
const HALF_S = 10;
/** Below this single frames, not movements, are shown, and cameras are late by as much as a frame. */
const MIN_FPS = 10;
/** In usual distances of frames: more than one, whatever rounding and jitter do to the times … */
const HOLE_FROM = 1.75;
/** … and up to this it is a hole in a movement; a longer one is a picture that stands still. */
const HOLE_TO = 8;
/** Of the pauses of a still picture some end with a keyframe by chance, never most of them. */
const MIN_KEYFRAME_SHARE = 0.8;
/** Share of the time without the frames it should have: less is not seen. */
const MAX_MISSING = 0.1;

type Step = { readonly dtsTicks: number; readonly ticks: number; readonly isKeyframe: boolean };

/** Feed it every frame of video. */
export class FrameRate {
  #steps: Step[] = [];
  #lastTicks: number | null = null;
  #firstTicks = 0;

  push({ dtsTicks, isKeyframe }: MediaFrame): void {
    if (this.#lastTicks === null) this.#firstTicks = dtsTicks;
    else this.#steps.push({ dtsTicks, ticks: dtsTicks - this.#lastTicks, isKeyframe });
    this.#lastTicks = dtsTicks;
    const oldest = dtsTicks - 2 * HALF_S * VIDEO_TIMESCALE;
    const isOld = (step: Step | undefined) => step !== undefined && step.dtsTicks < oldest;
    while (isOld(this.#steps[0])) this.#steps.shift();
  }

  get finding(): Finding | null {
    const lastTicks = this.#lastTicks ?? 0;
    const halfTicks = HALF_S * VIDEO_TIMESCALE;
    const usualTicks = usualOf(this.#steps.map(({ ticks }) => ticks));
    const isKnown = lastTicks - this.#firstTicks >= 2 * halfTicks;
    if (!isKnown || usualTicks * MIN_FPS >= VIDEO_TIMESCALE) return null;
    const middle = lastTicks - halfTicks;
    const halves = [
      this.#steps.filter(({ dtsTicks }) => dtsTicks < middle),
      this.#steps.filter(({ dtsTicks }) => dtsTicks >= middle),
    ].map((steps) => measure(steps, usualTicks));
    if (halves.some(({ missing, moving }) => missing <= moving * MAX_MISSING)) return null;
    const frames = halves.reduce((sum, half) => sum + half.frames, 0);
    const movingTicks = halves.reduce((sum, half) => sum + half.moving, 0);
    const measured = roundTo(1, (frames * VIDEO_TIMESCALE) / movingTicks);
    return { code: "FPS_UNSTEADY", measured, wanted: roundTo(1, VIDEO_TIMESCALE / usualTicks) };
  }
}

type Half = { readonly frames: number; readonly missing: number; readonly moving: number };

/** The time something moved with its frames, and how much of it has none though it should. */
function measure(steps: readonly Step[], usualTicks: number): Half {
  const isHole = ({ ticks }: Step) => ticks > usualTicks * HOLE_FROM;
  const isLong = ({ ticks }: Step) => ticks > usualTicks * HOLE_TO;
  const long = steps.filter(isLong);
  const atKeyframe = long.filter(({ isKeyframe }) => isKeyframe);
  const isDropping = atKeyframe.length >= long.length * MIN_KEYFRAME_SHARE;
  let frames = 0;
  let missing = 0;
  let moving = 0;
  for (const [index, step] of steps.entries()) {
    if (isLong(step) && !isDropping) continue;
    frames += 1;
    moving += step.ticks;
    // Several in a row are another rate.
    const beside = [steps[index - 1], steps[index + 1]].filter((one) => one !== undefined);
    if (isHole(step) && !beside.every(isHole)) missing += step.ticks - usualTicks;
  }
  return { frames, missing, moving };
}

/** The mean distance of frames that follow each other, without the holes between others. */
function usualOf(ticks: readonly number[]): number {
  const median = ticks.toSorted((one, other) => one - other)[Math.floor(ticks.length / 2)];
  if (median === undefined) return Infinity;
  const close = ticks.filter((one) => one <= median * HOLE_FROM);
  return close.reduce((sum, one) => sum + one, 0) / close.length;
}
