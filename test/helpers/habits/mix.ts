/**
 * Encoders with several habits at once, chosen by a seed: what is sent, and what it should come to.
 */
import { MIX_HABITS, MIX_SOURCES, type MixHabit, STAGES } from "./mix-habits.ts";
import { type HabitSource, tagsOf } from "./sources.ts";
import { joinAt, stopAt } from "./tracks.ts";
import { createRandom, isFrameOf, type WireTag } from "./wire-tag.ts";

export type Mix = {
  readonly seed: number;
  /** In words: the source, then each habit with its figures. */
  readonly names: readonly string[];
  readonly runs: readonly (readonly WireTag[])[];
  readonly speed: number;
  readonly lengthS: readonly [number, number];
  /** Pictures that were sent. */
  readonly frames: number;
  /** Pictures may be further apart than they were made, or more than were sent. */
  readonly isUneven: boolean;
  readonly hasVideo: boolean;
  readonly flashAfterBeepMs: number;
  /** How far a flash may be from where it should be. */
  readonly lipSyncMs: number;
};

const MOST_HABITS = 4;
const LIP_SYNC_MS = 80;
/** Of what is measured. */
const LIP_SYNC_ERROR_MS = 15;
/** One publisher in so many drops out and returns. */
const RETURN_STRIDE = 6;
/** At a keyframe of every source. */
const RETURN_AT_MS = 2000;

export async function makeMix(seed: number): Promise<Mix> {
  const random = createRandom(seed * 7919);
  const pick = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)] as T;
  const { name, source, isUneven = false } = pick(MIX_SOURCES);
  const returns = source.isSilent !== true && Math.floor(random() * RETURN_STRIDE) === 0;
  const habits = chooseHabits(1 + Math.floor(random() * MOST_HABITS), source, random);
  const made = habits.map((habit) => ({ ...habit, ...habit.make(random) }));
  const apply = (stages: readonly string[], tags: readonly WireTag[]) =>
    made.filter(({ stage }) => stages.includes(stage))
      .toSorted((a, b) => STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage))
      .reduce((changed, { habit }) => habit(changed), tags);
  const media = apply(["media"], await tagsOf(source));
  const runs = returns ? [stopAt(RETURN_AT_MS)(media), joinAt(RETURN_AT_MS)(media)] : [media];
  const frames = runs.flat().filter((tag) => isFrameOf("video", tag)).length;
  const addsS = made.reduce((sum, one) => sum + (one.addsS ?? 0), 0);
  const seconds = source.seconds ?? 0;
  // What is neither seen nor heard has no length.
  const isMute = made.some((one) => one.isMute === true);
  const lostS = isMute ? made.reduce((sum, one) => sum + (one.blankS ?? 0), 0) : 0;
  const isTimed = isUneven || returns || made.some((one) => one.isTimed === true);
  return {
    seed,
    names: [name, ...made.map(({ label }) => label), ...(returns ? ["returns after 2 s"] : [])],
    runs: runs.map((tags) => apply(["form", "tag", "clock", "wire"], tags)),
    speed: isTimed ? 1 : 2,
    // How long the last picture is shown only the next one would tell.
    lengthS: [seconds - lostS - 1 / (source.fps ?? 1), seconds + addsS],
    frames,
    isUneven: isUneven || made.some((one) => one.isUneven === true),
    hasVideo: frames > 0,
    // Where times jump ffmpeg puts frames on its grid up to 1.1 late.
    lipSyncMs: made.some((one) => one.isUneven === true)
      ? Math.max(LIP_SYNC_MS, 1.1 * 1000 / (source.fps ?? 1) + LIP_SYNC_ERROR_MS)
      : LIP_SYNC_MS,
    flashAfterBeepMs: made.reduce((sum, one) => sum + (one.flashAfterBeepMs ?? 0), 0),
  };
}

/** So many habits of different groups that the source can have. */
function chooseHabits(count: number, source: HabitSource, random: () => number): MixHabit[] {
  const chosen: MixHabit[] = [];
  const isPossible = ({ groups, needsSound, needsSize }: MixHabit) =>
    (needsSound !== true || source.isSilent !== true) &&
    (needsSize === undefined || needsSize === source.size) &&
    !chosen.some((one) => one.groups.some((group) => groups.includes(group)));
  while (chosen.length < count) {
    const possible = MIX_HABITS.filter(isPossible);
    const next = possible[Math.floor(random() * possible.length)];
    if (next === undefined) break;
    chosen.push(next);
  }
  return chosen;
}
