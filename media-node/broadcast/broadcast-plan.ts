/**
 * The renditions of a broadcast: planned from its first source, and fitted to those that follow. Pure.
 */
import type { LadderPolicy, RenditionFacts } from "#shared/contracts/broadcast.ts";
import type { LadderRung } from "#shared/contracts/ladder.ts";
import type { RungPlan } from "../formats/media.ts";
import type { Source } from "../ingest/source.ts";
import { planCopy } from "../ladder/copy-rule.ts";
import { type LadderPlan, planLadder } from "../ladder/plan.ts";

export type PlanOptions = {
  readonly ladder: readonly LadderRung[];
  /** Whether the source may be a rendition. */
  readonly policy: LadderPolicy;
};

/** The rungs that an engine makes. */
export function encodedRungsOf({ rungs }: LadderPlan): RungPlan[] {
  return rungs.filter((rung) => !rung.isCopy && rung.width !== null);
}

/** What the API is told of `rungs`. */
export function renditionsOf(rungs: readonly RenditionFacts[]): RenditionFacts[] {
  return rungs.map(({ name, width, height, isCopy }) => ({ name, width, height, isCopy }));
}

/** The renditions a broadcast of `source` begins with. */
export function planBroadcast(
  { ladder, policy }: PlanOptions,
  source: Source,
): LadderPlan {
  const displayWidth = source.video?.config.displayWidth ?? null;
  return planCopy(planLadder(ladder, source.facts, displayWidth), policy, source);
}

/**
 * The rungs of the broadcast with sizes that fit `source`. A rung that the new source is too small
 * for shows what the largest one does: a broadcast keeps its renditions.
 */
export function replan(
  { ladder, policy, plan }: PlanOptions & { readonly plan: Pick<LadderPlan, "rungs"> },
  source: Source,
  mayCopy: boolean,
): LadderPlan {
  const next = planBroadcast({ ladder, policy: mayCopy ? policy : "encode" }, source);
  const largest = next.rungs.at(-1);
  const top = plan.rungs.at(-1);
  const rungs = plan.rungs.map((rung): RungPlan => {
    const isCopy = rung === top && largest?.isCopy === true;
    const named = next.rungs.find(({ name }) => name === rung.name);
    const fitting = (isCopy ? largest : named) ?? largest ?? rung;
    return { ...rung, width: fitting.width, height: fitting.height, isCopy };
  });
  return { rungs, fps: next.fps };
}
