/**
 * Tables of habits as tests: each is published to one node in real time, several at once, and judged.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestNode, type TestNode } from "#test/helpers/media-node.ts";
import {
  broadcastHabit,
  HABIT_LADDER,
  type HabitBroadcast,
  type HabitOutcome,
} from "./broadcast.ts";
import { type HabitExpectation, judge } from "./judge.ts";
import { type HabitSource, tagsOf } from "./sources.ts";
import type { Habit, WireTag } from "./wire-tag.ts";

export type HabitCase = {
  /** "a source …" */
  readonly name: string;
  readonly source?: HabitSource;
  readonly habit?: Habit;
  /** Instead of one run with the habit. */
  readonly runs?: (
    tags: readonly WireTag[],
  ) => HabitBroadcast["runs"] | Promise<HabitBroadcast["runs"]>;
  readonly maxHoleS?: HabitBroadcast["maxHoleS"];
  readonly expected: HabitExpectation;
  /** Further faults, of what was measured. */
  readonly inspect?: (outcome: HabitOutcome) => string[] | Promise<string[]>;
};

/** What becomes of 8 s that nothing is wrong with. */
export const GOOD: HabitExpectation = { frames: 240, packets: [370, 377] };

export function testHabits(cases: readonly HabitCase[]): void {
  let site: TestNode;
  beforeAll(async () => {
    site = await startTestNode({ ladder: HABIT_LADDER });
  });
  afterAll(() => site.stop());
  test.concurrent.each(cases)("a source $name", async (one) => {
    expect(await faultsOf(site, one)).toEqual([]);
  }, 60_000);
}

async function faultsOf(site: TestNode, one: HabitCase): Promise<string[]> {
  const tags = await tagsOf(one.source);
  const runs = one.runs === undefined ? [one.habit?.(tags) ?? tags] : await one.runs(tags);
  const outcome = await broadcastHabit(site, { runs, maxHoleS: one.maxHoleS });
  return [...judge(outcome, one.expected), ...await one.inspect?.(outcome) ?? []];
}
