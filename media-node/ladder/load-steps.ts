/**
 * What is left out of a ladder, step by step, on a machine that cannot keep up.
 */
import type { RungPlan } from "../formats/media.ts";
import type { EngineStart } from "./engine.ts";

/** One step: which rungs are encoded, whether in a hurry, and whether pictures are split over cores. */
export type LoadStep = {
  readonly rungs: readonly RungPlan[];
  readonly isHurried: boolean;
  readonly isSplit: boolean;
};

/**
 * Pixels per second to encode that one core gets done in about half the time: 360p and 480p at 30 fps
 * beside a copy. Splitting such pictures costs a twentieth more processor time for a few milliseconds.
 */
const ONE_CORE_PIXELS_PER_S = 20e6;

/** Of a picture that is decoded, and of one encoded in a hurry, beside one encoded with care. */
const COSTS = { decode: 0.3, hurried: 0.4 };

/** About what a step takes of a machine: pixels per frame, weighed by what is done with them. */
export function costOfStep({ rungs, isHurried }: LoadStep, ladder: readonly RungPlan[]): number {
  const encoded = pixelsOfAll(rungs);
  const decoded = Math.max(0, ...ladder.map(pixelsOf));
  return decoded * COSTS.decode + encoded * (isHurried ? COSTS.hurried : 1);
}

const pixelsOf = ({ width, height }: RungPlan) => (width ?? 0) * (height ?? 0);

function pixelsOfAll(rungs: readonly RungPlan[]): number {
  return rungs.reduce((sum, rung) => sum + pixelsOf(rung), 0);
}

/**
 * The whole ladder first; then without its top rung; then at a lower preset; then only the lowest.
 * Steps that change nothing are left out. `canHurry`: the encoder has a lower preset.
 */
export function planLoadSteps(
  { rungs, fps }: Pick<EngineStart, "rungs" | "fps">,
  canHurry: boolean,
): LoadStep[] {
  const isHurried = canHurry;
  const fewer = rungs.length > 1 ? rungs.slice(0, -1) : rungs;
  const lowest = rungs.slice(0, 1);
  const isSplit = fps === null || pixelsOfAll(rungs) * fps > ONE_CORE_PIXELS_PER_S;
  const wanted: LoadStep[] = [
    { rungs, isHurried: false, isSplit },
    // Where one core does not keep up, others may.
    { rungs: fewer, isHurried: false, isSplit: true },
    { rungs: fewer, isHurried, isSplit: true },
    { rungs: lowest, isHurried, isSplit: true },
  ];
  return wanted.filter((step, index) => {
    const before = wanted[index - 1];
    return before === undefined || before.rungs.length !== step.rungs.length ||
      before.isHurried !== step.isHurried;
  });
}

/** What `step` leaves out, as part of a sentence; null for the whole ladder. */
export function describeShortfall(
  rungs: readonly RungPlan[],
  step: LoadStep | undefined,
): string | null {
  if (step === undefined) return null;
  const missing = rungs.slice(step.rungs.length).map(({ name }) => name).reverse();
  const shown = step.rungs.at(-1);
  const show = missing.length > 1 ? "show" : "shows";
  const parts: string[] = [];
  if (missing.length > 0) {
    parts.push(`${missing.join(" and ")} ${show} the picture of ${shown?.name}`);
  }
  if (step.isHurried) parts.push("pictures are encoded with less care");
  return parts.length === 0 ? null : parts.join(", and ");
}
