/**
 * Whether the source itself can be a rendition: planned from its first frames, and watched from then on.
 */
import type { LadderPolicy, SourceFacts } from "#shared/contracts/broadcast.ts";
import { type MediaFrame, type RungPlan, TICKS_PER_MS, VIDEO_TIMESCALE } from "../formats/media.ts";
import type { LadderPlan } from "./plan.ts";

/** What the rule asks of a source beyond its `SourceFacts`. */
export type CopyFacts = {
  /** 4:2:0, 8 bits, progressive: what every browser plays; null: not known yet. */
  readonly isCommonFormat: boolean | null;
  /** Frames are shown in another order than they are decoded in; null: not known yet. */
  readonly hasBFrames: boolean | null;
  /** Why what the source says of itself cannot be trusted, in words; null: nothing speaks against it. */
  readonly copyObstacle: string | null;
};

export type CopyCandidate = { readonly facts: SourceFacts; readonly details: CopyFacts };

/** Above this the encoded rungs would run at half the source's rate, with keyframes of their own. */
const MAX_FPS = 60.5;
/** Fewer frames do not fit into segments: such a source is encoded, with frames repeated. */
const MIN_FPS = 0.9;
/** A source may say a little more than the ceiling of the rung it takes the place of. */
const DECLARED_OVER_CEILING = 1.1;
/** What it may really send, over some seconds. */
const MEASURED_OVER_CEILING = 1.3;
const MEASURE_TICKS = 10_000 * TICKS_PER_MS;
/** A segment starts with each keyframe: "every 2 s" with a frame or two of slack. */
const MAX_KEYFRAME_INTERVAL_TICKS = 2250 * TICKS_PER_MS;

/**
 * `plan` with the source in the place of its top rung where `policy` and the source allow it:
 * `auto` keeps the smaller rungs encoded, `copy` is the source alone, `encode` encodes all.
 */
export function planCopy(
  plan: LadderPlan,
  policy: LadderPolicy,
  source: CopyCandidate,
): LadderPlan {
  const top = plan.rungs.at(-1);
  const { video } = source.facts;
  if (policy === "encode" || top === undefined || video === null) return plan;
  if (!isCopyable(source) || (policy === "auto" && !isWithinCeiling(source, top))) return plan;
  const { width, height } = video;
  const copy: RungPlan = { ...top, width, height, isCopy: true };
  const encoded = policy === "copy" ? [] : plan.rungs.slice(0, -1);
  return { ...plan, rungs: [...encoded, copy] };
}

/** H.264 that every player decodes, whose frames are shown in the order they come in. */
function isCopyable({ facts: { video }, details }: CopyCandidate): boolean {
  // What is not known yet is watched: most encoders without B-frames do not say so.
  return details.copyObstacle === null && details.isCommonFormat === true &&
    details.hasBFrames !== true && (video?.fps ?? MIN_FPS) >= MIN_FPS &&
    (video?.fps ?? 0) <= MAX_FPS;
}

function isWithinCeiling({ facts: { video } }: CopyCandidate, top: RungPlan): boolean {
  return (video?.bitrateBps ?? 0) <= top.videoBitrateBps * DECLARED_OVER_CEILING;
}

/** Watches a copied source, frame by frame, for what only time tells. */
export class CopyWatch {
  readonly #ceilingBps: number;
  #keyframeTicks: number | null = null;
  #compositionTicks: number | null = null;
  #measure = { sinceTicks: 0, bytes: 0 };

  /** `ceilingBps`: Infinity when the broadcaster asked for the source whatever it costs. */
  constructor(ceilingBps: number) {
    this.#ceilingBps = ceilingBps;
  }

  /** Why this frame must not be copied any more, in words; null while all is well. */
  note(frame: MediaFrame): string | null {
    const { dtsTicks, compositionTicks, isKeyframe } = frame;
    this.#compositionTicks ??= compositionTicks;
    if (Math.abs(compositionTicks - this.#compositionTicks) > TICKS_PER_MS) {
      return "its frames are reordered";
    }
    if (isKeyframe) this.#keyframeTicks = dtsTicks;
    else if (dtsTicks - (this.#keyframeTicks ?? dtsTicks) > MAX_KEYFRAME_INTERVAL_TICKS) {
      return "its keyframes are more than 2 s apart";
    }
    return this.#isTooMuch(frame) ? "its bitrate is above the ceiling of the ladder" : null;
  }

  #isTooMuch({ dtsTicks, data }: MediaFrame): boolean {
    const { sinceTicks, bytes } = this.#measure;
    const spanTicks = dtsTicks - sinceTicks;
    if (spanTicks < MEASURE_TICKS && bytes > 0) {
      this.#measure.bytes += data.length;
      return false;
    }
    this.#measure = { sinceTicks: dtsTicks, bytes: data.length };
    const bps = (bytes * 8 * VIDEO_TIMESCALE) / spanTicks;
    return bytes > 0 && bps > this.#ceilingBps * MEASURED_OVER_CEILING;
  }
}
