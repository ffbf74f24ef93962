import { expect, test } from "vitest";
import { SourceChanges } from "./source-changes.ts";

test("five changes in 10 s are an issue, until they are over", () => {
  const changes = new SourceChanges();
  for (const nowMs of [0, 2000, 4000, 6000]) expect(changes.note(nowMs)).toBeNull();
  expect(changes.finding(6000)).toBeNull();
  expect(changes.note(8000)).toBeNull();
  expect(changes.finding(8000)).toEqual({ code: "SOURCE_UNSTEADY", measured: 5, wanted: 0 });
  expect(changes.finding(10_000)).toBeNull();
});

test("a source that never stays itself cannot be carried", () => {
  const changes = new SourceChanges();
  for (let times = 1; times <= 60; times += 1) expect(changes.note(times * 16)).toBeNull();
  expect(changes.note(61 * 16)).toBe(
    "The picture or the sound changed its format 61 times in 10 s; at most 60 can be carried. " +
      "Set one fixed size and codec in the encoder.",
  );
  expect(changes.note(60_000)).toBeNull();
});
