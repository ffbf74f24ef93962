import { expect, test } from "vitest";
import {
  ceilingOf,
  isRiseDue,
  newRecord,
  noteFall,
  noteHeavy,
  noteRise,
  type RungRecord,
} from "./rung-record.ts";

type Step = readonly [atS: number, "rise" | "fall" | "heavy"];

/** Begun at 0, on a line that carries 1 Mbit/s when it is too slow; level 2 is too heavy. */
function recordOf(steps: readonly Step[]): RungRecord {
  return steps.reduce((record, [atS, step]) => {
    if (step === "rise") return noteRise(record, atS * 1000);
    if (step === "fall") return noteFall(record, 1e6, atS * 1000);
    return noteHeavy(record, 2, atS * 1000);
  }, newRecord(0));
}

const VAIN: readonly Step[] = [[10, "rise"], [12, "fall"], [30, "rise"], [32, "fall"]];

test.each<[string, readonly Step[], number, number, boolean]>([
  ["it has just begun", [], 2, 9e6, false],
  ["the first seconds are over", [], 3, 9e6, true],
  ["the line has just been too slow", [[10, "fall"]], 17, 2e6, false],
  ["it has been too slow a while ago", [[10, "fall"]], 18, 2e6, true],
  ["a rise was in vain", VAIN, 47, 2e6, false],
  ["a rise was in vain a while ago", VAIN, 48, 2e6, true],
  ["a rise was in vain on another line", VAIN, 40, 9e6, true],
  ["a rise lasted", [...VAIN.slice(0, 3), [60, "fall"]], 68, 2e6, true],
])("isRiseDue() when %s", (_, steps, atS, bps, expected) => {
  expect(isRiseDue(recordOf(steps), bps, atS * 1000)).toBe(expected);
});

test.each<[string, readonly Step[], number, number]>([
  ["nothing was too heavy", [], 10, Infinity],
  ["one was too heavy", [[10, "heavy"]], 69, 2],
  ["it was a while ago", [[10, "heavy"]], 70, Infinity],
  ["it was so again", [[10, "heavy"], [75, "heavy"]], 194, 2],
])("ceilingOf() when %s", (_, steps, atS, ceiling) => {
  expect(ceilingOf(recordOf(steps), atS * 1000)).toBe(ceiling);
});
