import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Deadline } from "./deadline.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("set() calls back once, when the time has passed", () => {
  const passed: string[] = [];
  new Deadline().set(1000, () => passed.push("one"));
  vi.advanceTimersByTime(999);
  expect(passed).toEqual([]);
  vi.advanceTimersByTime(5000);
  expect(passed).toEqual(["one"]);
});

test("another deadline lets go of the one before", () => {
  const passed: string[] = [];
  const deadline = new Deadline();
  deadline.set(1000, () => passed.push("one"));
  deadline.set(2000, () => passed.push("two"));
  vi.advanceTimersByTime(5000);
  expect(passed).toEqual(["two"]);
});

test("clear() lets go of it, and another may be set: also by the one that passed", () => {
  const passed: string[] = [];
  const deadline = new Deadline();
  deadline.set(1000, () => passed.push("cleared"));
  deadline.clear();
  deadline.clear();
  deadline.set(1000, () => deadline.set(1000, () => passed.push("after")));
  vi.advanceTimersByTime(5000);
  expect(passed).toEqual(["after"]);
  expect(vi.getTimerCount()).toBe(0);
});
