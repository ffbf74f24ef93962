import { expect, test } from "vitest";
import { LoadGovernor } from "./load-governor.ts";

/** Notes the lag every half second; returns when the level changed, and to what. */
function run(
  governor: LoadGovernor,
  fromMs: number,
  toMs: number,
  lagAt: (nowMs: number) => number,
) {
  const changes: [number, number][] = [];
  for (let nowMs = fromMs; nowMs < toMs; nowMs += 500) {
    if (governor.note(lagAt(nowMs), nowMs) === "changed") changes.push([nowMs, governor.level]);
  }
  return changes;
}

test("LoadGovernor leaves more out while the lag stays, down to the last level", () => {
  const governor = new LoadGovernor([100, 60, 30], 0);
  expect(run(governor, 0, 60_000, () => 4000)).toEqual([[5000, 1], [10_000, 2]]);
});

test("LoadGovernor leaves out at once what is far too much", () => {
  const governor = new LoadGovernor([100, 70, 40, 10], 0);
  // Half of the source is encoded in time.
  expect(run(governor, 0, 6000, (nowMs) => nowMs / 2)).toEqual([[5500, 2]]);
  const lost = new LoadGovernor([100, 70, 40, 10], 0);
  expect(run(lost, 0, 6000, (nowMs) => nowMs * 0.98)).toEqual([[5000, 3]]);
});

test("LoadGovernor waits while a lag is being worked off, and ignores a short one", () => {
  const governor = new LoadGovernor([100, 60, 30], 0);
  expect(run(governor, 0, 10_000, (nowMs) => 6000 - nowMs / 2)).toEqual([]);
  expect(run(governor, 10_000, 20_000, (nowMs) => nowMs % 2000 === 0 ? 0 : 4000)).toEqual([]);
});

test("LoadGovernor tries more after 30 s of calm, and waits longer when that was too much", () => {
  const governor = new LoadGovernor([100, 60], 0);
  run(governor, 0, 5500, () => 4000);
  expect(governor.level).toBe(1);
  const lagOf = () => governor.level === 0 ? 4000 : 100;
  const raised = run(governor, 5500, 200_000, lagOf).filter(([, level]) => level === 0);
  expect(raised[0]?.[0]).toBe(5000 + 3000 + 30_000);
  expect((raised[1]?.[0] ?? 0) - (raised[0]?.[0] ?? 0)).toBe(5000 + 3000 + 60_000);
});

test("LoadGovernor tries more at a good moment, and less at any", () => {
  const governor = new LoadGovernor([100, 60], 0);
  const note = (nowMs: number, lagMs: number) => governor.note(lagMs, nowMs, nowMs % 8000 === 0);
  const changes: number[] = [];
  for (let nowMs = 500; nowMs < 60_000; nowMs += 500) {
    const lagMs = nowMs < 6000 ? 4000 : 0;
    if (note(nowMs, lagMs) === "changed") changes.push(nowMs);
  }
  expect(changes).toEqual([5000, 40_000]);
});
