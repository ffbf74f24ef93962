/**
 * Where decoding can begin is what the NAL units say, not what the tags say.
 *
 * | an encoder that …               | what viewers get                                               |
 * | ------------------------------- | -------------------------------------------------------------- |
 * | calls every frame a keyframe    | no copy once it is known; keyframes at equal times, each an IDR   |
 * | calls none a keyframe           | every frame, keyframes where they are                          |
 * | calls one too many a keyframe   | likewise                                                       |
 * | refreshes instead of keyframes  | no copy; rungs on a grid of their own                          |
 * | has B-frames                    | no copy; every frame                                           |
 */
import type { HabitOutcome } from "#test/helpers/habits/broadcast.ts";
import { flag } from "#test/helpers/habits/pictures.ts";
import { GOOD, testHabits } from "#test/helpers/habits/suite.ts";

/** A copy that turns out to be none goes on as what is encoded, behind another init segment. */
const FOUND_OUT = { ...GOOD, stretches: [1, 2], mayBeSaid: /^KEYFRAMES_MISFLAGGED/ } as const;
/** A keyframe later than that a lie is known. */
const KNOWN_BY_S = 2.5;

function findLateCopy({ renditions, started }: HabitOutcome): string[] {
  const mid = renditions.find(({ variant }) => variant.name === "mid");
  const wasCopied = started?.renditions.some(({ isCopy }) => isCopy) === true;
  const [, encodedS = wasCopied ? Number.POSITIVE_INFINITY : 0] = mid?.stretchStartsS ?? [];
  return encodedS <= KNOWN_BY_S ? [] : [`mid is a copy until ${encodedS} s`];
}

testHabits([
  {
    name: "that calls every frame a keyframe",
    habit: flag("all"),
    expected: { ...FOUND_OUT, issue: /^KEYFRAMES_MISFLAGGED/ },
    inspect: findLateCopy,
  },
  { name: "that calls no frame a keyframe", habit: flag("none"), expected: FOUND_OUT },
  { name: "that calls one too many a keyframe", habit: flag({ atMs: 3000 }), expected: FOUND_OUT },
  {
    name: "that refreshes its picture bit by bit",
    source: { x264: "intra-refresh=1" },
    expected: { ...FOUND_OUT, issue: /^KEYFRAME_INTERVAL: The picture is refreshed bit by bit/ },
    inspect: findLateCopy,
  },
  {
    name: "with B-frames",
    source: { bFrames: 2 },
    expected: { ...GOOD, isCopied: false, mayBeSaid: /^B_FRAMES/ },
  },
]);
