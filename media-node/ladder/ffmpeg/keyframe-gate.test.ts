import { expect, test } from "vitest";
import { KeyframeGate } from "./keyframe-gate.ts";

const FRAMES = [true, false, false, true, false];

test("KeyframeGate ends every rung before the same keyframe, and says when all have", () => {
  const gate = new KeyframeGate(2, true);
  let closed = 0;
  gate.close(() => void (closed += 1));
  const passed = (rung: number) =>
    [false, false, ...FRAMES].map((isKeyframe) => gate.passes(rung, isKeyframe));
  expect(passed(0)).toEqual([true, true, false, false, false, false, false]);
  expect(closed).toBe(0);
  expect(passed(1)).toEqual([true, true, false, false, false, false, false]);
  expect(closed).toBe(1);
});

test("KeyframeGate that is opened again before a keyframe lets everything pass", () => {
  const gate = new KeyframeGate(1, true);
  gate.close(() => expect.unreachable());
  expect(gate.passes(0, false)).toBe(true);
  gate.reopen();
  expect(FRAMES.map((isKeyframe) => gate.passes(0, isKeyframe))).toEqual(FRAMES.map(() => true));
});

test("KeyframeGate opens at a keyframe, or at once where nobody knows of any", () => {
  const gate = new KeyframeGate(1, false);
  expect([false, ...FRAMES].map((isKeyframe) => gate.passes(0, isKeyframe))).toEqual([
    false,
    true,
    true,
    true,
    true,
    true,
  ]);
  expect(new KeyframeGate(1, false).passes(0, null)).toBe(true);
});
