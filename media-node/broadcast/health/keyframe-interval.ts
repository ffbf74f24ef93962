/**
 * How far apart a source's keyframes are.
 */
import { type Finding, WANTED_KEYFRAME_S } from "#shared/contracts/issues.ts";
import { VIDEO_TIMESCALE } from "../../formats/media.ts";
import { roundTo } from "./round-to.ts";

/** "Every 2 s" with some frames of slack: what lies above ends a copy of the source. */
const MAX_INTERVAL_S = 2.25;
/** Looked back so far: one late keyframe of a broadcast of 2 s ones is well below half of it. */
const WINDOW_S = 30;
/** Intervals are long when time is spent in long ones: then neither one late keyframe nor one more at a cut counts. */
const MIN_LONG_SHARE = 0.5;
/** One interval is an accident, … */
const MIN_LONG_INTERVALS = 2;
/** … unless it lasts: no encoder is late by so much. */
const CERTAIN_S = 10;

/** Feed it every frame of video, in media time. */
export class KeyframeInterval {
  #keyframeTicks: number | null = null;
  #headTicks = 0;
  #intervalsS: readonly number[] = [];

  push(
    { dtsTicks, isKeyframe }: { readonly dtsTicks: number; readonly isKeyframe: boolean },
  ): void {
    this.#headTicks = dtsTicks;
    this.#keyframeTicks ??= dtsTicks;
    if (!isKeyframe || dtsTicks === this.#keyframeTicks) return;
    this.#intervalsS = trim([...this.#intervalsS, this.#openS]);
    this.#keyframeTicks = dtsTicks;
  }

  get finding(): Finding | null {
    const closed = this.#intervalsS;
    const openS = isLong(this.#openS) ? [this.#openS] : [];
    const all = [...closed, ...openS];
    const long = all.filter(isLong);
    const isCertain = long.length >= MIN_LONG_INTERVALS || sum(openS) > CERTAIN_S;
    if (!isCertain || sum(long) < sum(all) * MIN_LONG_SHARE) return null;
    const known = closed.filter(isLong);
    const isOpen = known.length === 0;
    const measured = roundTo(1, isOpen ? sum(openS) : sum(known) / known.length);
    return { code: "KEYFRAME_INTERVAL", measured, wanted: WANTED_KEYFRAME_S, isOpen };
  }

  /** Since the last keyframe. */
  get #openS(): number {
    return (this.#headTicks - (this.#keyframeTicks ?? this.#headTicks)) / VIDEO_TIMESCALE;
  }
}

const isLong = (intervalS: number) => intervalS > MAX_INTERVAL_S;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The newest of `intervalsS` that fill the window, and two in any case. */
function trim(intervalsS: readonly number[]): readonly number[] {
  const [first = 0, ...rest] = intervalsS;
  const isOver = rest.length >= MIN_LONG_INTERVALS && sum(intervalsS) - first >= WINDOW_S;
  return isOver ? trim(rest) : intervalsS;
}
