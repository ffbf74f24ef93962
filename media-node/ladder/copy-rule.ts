/**
 * Whether the source itself can be a rendition: planned from its first tags, and watched from then on.
 */
import type { LadderPolicy, SourceFacts } from "#shared/contracts/broadcast.ts";
import type { SourceDetails } from "../ingest/source-facts.ts";
import type { FlvTag, RungPlan } from "../formats/media.ts";
import type { LadderPlan } from "./plan.ts";
import { isVideoKeyframe, ptsMsOf } from "./source-tag.ts";

export type CopyCandidate = {
  readonly facts: SourceFacts;
  readonly details: Pick<SourceDetails, "isCommonFormat" | "hasBFrames">;
};

/** Above this the encoded rungs would run at half the source's rate, with keyframes of their own. */
const MAX_FPS = 60.5;
/** A source may say a little more than the ceiling of the rung it takes the place of. */
const DECLARED_OVER_CEILING = 1.1;
/** What it may really send, over some seconds. */
const MEASURED_OVER_CEILING = 1.3;
const MEASURE_MS = 10_000;
/** A segment starts with each keyframe: "every 2 s" with a frame or two of slack. */
const MAX_KEYFRAME_INTERVAL_MS = 2250;

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
  return details.isCommonFormat === true && details.hasBFrames !== true &&
    (video?.fps ?? 0) <= MAX_FPS;
}

function isWithinCeiling({ facts: { video } }: CopyCandidate, top: RungPlan): boolean {
  return (video?.bitrateBps ?? 0) <= top.videoBitrateBps * DECLARED_OVER_CEILING;
}

/** Watches a copied source, frame by frame, for what only time tells. */
export class CopyWatch {
  readonly #ceilingBps: number;
  #keyframeMs: number | null = null;
  #compositionMs: number | null = null;
  #measure = { sinceMs: 0, bytes: 0 };

  /** `ceilingBps`: Infinity when the broadcaster asked for the source whatever it costs. */
  constructor(ceilingBps: number) {
    this.#ceilingBps = ceilingBps;
  }

  /** Why this frame must not be copied any more, in words; null while all is well. */
  note(tag: FlvTag): string | null {
    const compositionMs = ptsMsOf(tag) - tag.dtsMs;
    this.#compositionMs ??= compositionMs;
    if (Math.abs(compositionMs - this.#compositionMs) > 1) return "its frames are reordered";
    if (isVideoKeyframe(tag)) this.#keyframeMs = tag.dtsMs;
    else if (tag.dtsMs - (this.#keyframeMs ?? tag.dtsMs) > MAX_KEYFRAME_INTERVAL_MS) {
      return "its keyframes are more than 2 s apart";
    }
    return this.#isTooMuch(tag) ? "its bitrate is above the ceiling of the ladder" : null;
  }

  #isTooMuch({ dtsMs, body }: FlvTag): boolean {
    const { sinceMs, bytes } = this.#measure;
    const spanMs = dtsMs - sinceMs;
    if (spanMs < MEASURE_MS && bytes > 0) {
      this.#measure.bytes += body.length;
      return false;
    }
    this.#measure = { sinceMs: dtsMs, bytes: body.length };
    return bytes > 0 && (bytes * 8000) / spanMs > this.#ceilingBps * MEASURED_OVER_CEILING;
  }
}
