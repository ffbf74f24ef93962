import { expect, test } from "vitest";
import { RestartBudget } from "./restart-budget.ts";

test("RestartBudget waits longer each time and is spent after five restarts in 60 s", () => {
  const budget = new RestartBudget();
  const delays = [0, 1, 2, 3, 4].map((n) => budget.take(n * 1000) ?? Infinity);
  for (const [n, nominalMs] of [200, 500, 1000, 2000, 5000].entries()) {
    expect(delays[n]).toBeGreaterThanOrEqual(nominalMs * 0.8);
    expect(delays[n]).toBeLessThanOrEqual(nominalMs * 1.2);
  }
  expect(budget.take(59_000)).toBeNull();
});

test("RestartBudget forgets restarts older than 60 s", () => {
  const budget = new RestartBudget();
  for (const n of [0, 1, 2, 3, 4]) budget.take(n);
  expect(budget.take(60_010)).toBeLessThanOrEqual(240);
});
