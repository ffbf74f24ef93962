import { expect, test } from "vitest";
import type { RungPlan } from "../formats/media.ts";
import { type LoadAction, LoadShedding } from "./load-shedding.ts";

const rung = (name: RungPlan["name"], width: number, height: number): RungPlan => {
  return { name, width, height, videoBitrateBps: 1_000_000, isCopy: false };
};
const START = { rungs: [rung("low", 640, 360), rung("high", 1280, 720)], fps: 30 };

/** Notes `lagAt` twice a second, and answers as an engine does; says when what was done. */
function run(shedding: LoadShedding, toMs: number, lagAt: (nowMs: number) => number) {
  const done: [number, LoadAction][] = [];
  for (let nowMs = 0; nowMs < toMs; nowMs += 500) {
    const action = shedding.note(lagAt(nowMs), nowMs);
    if (action === "none") continue;
    done.push([nowMs, action]);
    if (action === "start") shedding.restart(nowMs + 2000);
  }
  return done;
}

test("LoadShedding goes down the steps, then leaves out pictures that are more than 6 s late", () => {
  const shedding = new LoadShedding(START, true, 0);
  expect(shedding.shortfall).toBeNull();
  const done = run(shedding, 20_000, (nowMs) => nowMs * 0.9);
  expect(done.map(([, action]) => action)).toEqual(["start", "skip", "skip"]);
  expect(shedding.step).toMatchObject({ rungs: [START.rungs[0]], isHurried: true });
  expect(shedding.shortfall).toContain("high shows the picture of low");
});

test("LoadShedding leaves out nothing of a backlog that is worked off", () => {
  const shedding = new LoadShedding(START, true, 0);
  expect(run(shedding, 30_000, (nowMs) => 9000 - nowMs * 0.3)).toEqual([]);
});
