/**
 * Mixes of habits, published to one node, several at once.
 */
import { broadcastHabit, type HabitOutcome } from "#test/helpers/habits/broadcast.ts";
import { judgeAlignment } from "#test/helpers/habits/judge.ts";
import type { MeasuredHabit } from "#test/helpers/habits/measure.ts";
import { makeMix, type Mix } from "#test/helpers/habits/mix.ts";
import { startTestNode, type TestNode } from "#test/helpers/media-node.ts";

export type MixResult = {
  readonly seed: number;
  readonly names: readonly string[];
  /** How it ended, where it was not as if nothing were wrong: in the node's own words. */
  readonly said: readonly string[];
  /** Empty when it is as it should be. */
  readonly faults: readonly string[];
};

export type MixRun = {
  readonly seeds: readonly number[];
  /** How many are published at a time. */
  readonly parallel: number;
  readonly onResult?: (result: MixResult) => void;
};

/** A source of 96 lines that can be copied is `mid`. */
const LADDER = "low=64@100,mid=96@600";
const TOLERANCE_S = 0.3;
const FRAME_TOLERANCE = 2;
const MAX_AUDIO_STEP_S = 0.05;

export async function runMixes({ seeds, parallel, onResult }: MixRun): Promise<MixResult[]> {
  const site = await startTestNode({ ladder: LADDER });
  const results: MixResult[] = [];
  const waiting = [...seeds];
  const work = async () => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      const result = await runMix(site, await makeMix(seed));
      results.push(result);
      onResult?.(result);
    }
  };
  try {
    await Promise.all(Array.from({ length: parallel }, work));
  } finally {
    await site.stop();
  }
  return results;
}

async function runMix(site: TestNode, mix: Mix): Promise<MixResult> {
  const { seed, names, runs, speed } = mix;
  try {
    const outcome = await broadcastHabit(site, { runs, speed, maxHoleS: { vide: 10 } });
    const { reason, detail } = outcome.ended;
    const ending = reason === "publisher_stopped" ? [] : [`${reason}: ${detail}`];
    return { seed, names, said: [...ending, ...outcome.issues], faults: judgeMix(mix, outcome) };
  } catch (error) {
    return { seed, names, said: [], faults: [String(error)] };
  }
}

/** What cannot be played is left out with these words; all else is advice. */
const LEFT_OUT = /^(?:AUDIO|VIDEO)_CODEC/;

/** What is heard and seen is whole and in step; what is not there is said. */
function judgeMix(mix: Mix, outcome: HabitOutcome): string[] {
  const { ended, issues, renditions, complaints } = outcome;
  const faults = [
    ...complaints,
    ...renditions.flatMap((one) => one.faults.map((fault) => `${one.variant.name}: ${fault}`)),
    ...judgeAlignment(renditions),
  ];
  const isRefused = ended.reason !== "publisher_stopped";
  if (isRefused && ended.detail === null) faults.push(`ended by ${ended.reason} without a word`);
  const isLeftOut = !mix.hasVideo && issues.some((issue) => LEFT_OUT.test(issue));
  if (isRefused || isLeftOut) return faults;
  if (renditions.length === 0) faults.push("there is no recording");
  return [...faults, ...renditions.flatMap((one) => judgeTimes(mix, one))];
}

function judgeTimes(mix: Mix, one: MeasuredHabit): string[] {
  const { variant: { name }, durationS, frames, audioStepS, flashAfterBeepMs } = one;
  const faults: string[] = [];
  const [leastS, mostS] = mix.lengthS;
  if (durationS < leastS - TOLERANCE_S || durationS > mostS + TOLERANCE_S) {
    faults.push(`${durationS.toFixed(2)} s long, expected ${leastS} to ${mostS}`);
  }
  const isMore = !mix.isUneven && frames > mix.frames + FRAME_TOLERANCE;
  if (frames < mix.frames - FRAME_TOLERANCE || isMore) {
    faults.push(`${frames} frames, ${mix.frames} were sent`);
  }
  if (audioStepS > MAX_AUDIO_STEP_S) faults.push(`${audioStepS.toFixed(3)} s between packets`);
  const offMs = flashAfterBeepMs.map((ms) => ms - mix.flashAfterBeepMs);
  const isOff = (ms: number) => Math.abs(ms) > mix.lipSyncMs;
  // A beep that is cut in two by a mute begins late.
  if (offMs.filter(isOff).length > 1) {
    faults.push(`flashes ${offMs.map((ms) => ms.toFixed(0)).join(", ")} ms too late`);
  }
  return faults.map((fault) => `${name}: ${fault}`);
}
