import { expect, test } from "vitest";
import { runMixes } from "./run-mixes.ts";

/** As many as take half a minute; `habits.program.ts` tries others. */
const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1);

test("whatever habits come together, what is shown is whole, and what is not is said", async () => {
  const results = await runMixes({ seeds: SEEDS, parallel: 4 });
  const spoilt = results.filter(({ faults }) => faults.length > 0);
  expect(results).toHaveLength(SEEDS.length);
  expect(spoilt).toEqual([]);
}, 120_000);
