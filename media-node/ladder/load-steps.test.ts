import { describe, expect, test } from "vitest";
import type { RungPlan } from "../formats/media.ts";
import { costOfStep, describeShortfall, planLoadSteps } from "./load-steps.ts";

function rung(name: RungPlan["name"], width: number, height: number): RungPlan {
  return { name, width, height, videoBitrateBps: 1_000_000, isCopy: false };
}

const LOW = rung("low", 640, 360);
const MID = rung("mid", 854, 480);
const HIGH = rung("high", 1280, 720);

describe("planLoadSteps()", () => {
  test("leaves out the top rung, then hurries, then makes only the lowest", () => {
    const steps = planLoadSteps({ rungs: [LOW, MID, HIGH], fps: 30 }, true);
    expect(steps.map(({ rungs, isHurried }) => [rungs.length, isHurried])).toEqual([
      [3, false],
      [2, false],
      [2, true],
      [1, true],
    ]);
    const costs = steps.map((step) => costOfStep(step, [LOW, MID, HIGH]));
    expect(costs).toEqual(costs.toSorted((one, other) => other - one));
  });

  test("leaves out steps that change nothing", () => {
    const steps = planLoadSteps({ rungs: [LOW], fps: 30 }, false);
    expect(steps).toEqual([{ rungs: [LOW], isHurried: false, isSplit: false }]);
  });

  test.each([
    ["what a copy leaves to do", [LOW, MID], 30, false],
    ["the same at 60 fps", [LOW, MID], 60, true],
    ["a whole ladder", [LOW, MID, HIGH], 30, true],
    ["a rate that is not known", [LOW], null, true],
  ])("splits pictures over cores where one core may not do: %s", (_, rungs, fps, isSplit) => {
    const [whole, ...fewer] = planLoadSteps({ rungs, fps }, true);
    expect(whole?.isSplit).toBe(isSplit);
    // On a busy machine one core is not enough.
    expect(fewer.every((step) => step.isSplit)).toBe(true);
  });
});

test("describeShortfall() says what shows what", () => {
  const rungs = [LOW, MID, HIGH];
  const [whole, fewer, , least] = planLoadSteps({ rungs, fps: 30 }, true);
  expect(describeShortfall(rungs, whole)).toBeNull();
  expect(describeShortfall(rungs, fewer)).toContain("high shows the picture of mid");
  expect(describeShortfall(rungs, least)).toContain(
    "high and mid show the picture of low, and pictures are encoded with less care",
  );
});
