import { expect, test } from "vitest";
import { RestartBudget } from "./restart-budget.ts";

test("RestartBudget waits longer each time and is spent after five futile runs in 60 s", () => {
  const budget = new RestartBudget();
  const delays = [0, 1, 2, 3, 4].map((n) => budget.take(n * 1000, false) ?? Infinity);
  for (const [n, nominalMs] of [200, 500, 1000, 2000, 5000].entries()) {
    expect(delays[n]).toBeGreaterThanOrEqual(nominalMs * 0.8);
    expect(delays[n]).toBeLessThanOrEqual(nominalMs * 1.2);
  }
  expect(budget.take(59_000, false)).toBeNull();
});

test("RestartBudget replaces a process that worked at once, twenty times in 60 s", () => {
  const budget = new RestartBudget();
  for (let n = 0; n < 20; n += 1) expect(budget.take(n * 1000, true)).toBeLessThanOrEqual(240);
  expect(budget.take(21_000, true)).toBeNull();
  expect(budget.take(61_000, true)).toBeLessThanOrEqual(240);
});

test("RestartBudget forgets what is older than 60 s", () => {
  const budget = new RestartBudget();
  for (const n of [0, 1, 2, 3, 4]) budget.take(n, false);
  expect(budget.take(60_010, false)).toBeLessThanOrEqual(240);
});
