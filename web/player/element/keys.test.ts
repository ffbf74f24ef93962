import { describe, expect, test } from "vitest";
import { keyAction, keyLabel, KEYS } from "./keys.ts";

const press = (
  key: string,
  held: Partial<Record<"altKey" | "ctrlKey" | "metaKey", boolean>> = {},
) => keyAction({ key, altKey: false, ctrlKey: false, metaKey: false, ...held });

describe("keyAction()", () => {
  test.each(Object.values(KEYS).flat())("%s does something", (key) => {
    expect(press(key)).not.toBeNull();
  });

  test.each([
    ["ArrowLeft", { kind: "seekBy", seconds: -5 }],
    ["l", { kind: "seekBy", seconds: 10 }],
    ["L", { kind: "seekBy", seconds: 10 }],
    ["7", { kind: "seekTo", share: 0.7 }],
    [",", { kind: "step", frames: -1 }],
    ["<", { kind: "slower" }],
    ["End", { kind: "toEnd" }],
    ["?", { kind: "help" }],
  ])("%s is what is expected of it", (key, action) => {
    expect(press(key)).toEqual(action);
  });

  test.each(["x", "Tab", "Enter", "Escape"])("%s is not ours", (key) => {
    expect(press(key)).toBeNull();
  });

  test("a key of the browser or the system is not ours", () => {
    expect(press("f", { ctrlKey: true })).toBeNull();
    expect(press("ArrowLeft", { altKey: true })).toBeNull();
    expect(press("m", { metaKey: true })).toBeNull();
  });
});

test("keyLabel() is readable", () => {
  expect(Object.values(KEYS).flat().map(keyLabel).filter((label) => label.trim() === "")).toEqual(
    [],
  );
});
