import { expect, test } from "vitest";
import { createAttemptLimit } from "./attempt-limit.ts";

const fail = () => Promise.resolve(false);
const succeed = () => Promise.resolve(true);

function createLimit(maxKeys = 10) {
  let nowMs = 0;
  const clock = () => new Date(nowMs);
  const limit = createAttemptLimit({ maxFailures: 2, windowMs: 1000, maxKeys, clock });
  return { limit, advance: (ms: number) => nowMs += ms };
}

test("run() refuses after too many failures, until the window is over", async () => {
  const { limit, advance } = createLimit();
  expect(await limit.run("a", fail)).toBe(false);
  expect(await limit.run("a", fail)).toBe(false);
  await expect(limit.run("a", succeed)).rejects.toMatchObject({
    code: "RATE_LIMITED",
    retryAfterS: 1,
  });
  expect(await limit.run("b", succeed)).toBe(true);
  advance(1000);
  expect(await limit.run("a", succeed)).toBe(true);
});

test("run() counts one at a time, and an error is no failure", async () => {
  const { limit } = createLimit();
  const broken = () => Promise.reject(new Error("broken"));
  const outcomes = await Promise.allSettled(
    [broken, fail, broken, fail, succeed].map((attempt) => limit.run("a", attempt)),
  );
  expect(outcomes.map(({ status }) => status))
    .toEqual(["rejected", "fulfilled", "rejected", "fulfilled", "rejected"]);
});

test("run() remembers a bounded number of keys, the oldest least", async () => {
  const { limit } = createLimit(3);
  for (const key of ["a", "a", "b", "c", "d"]) await limit.run(key, fail);
  expect(await limit.run("a", fail)).toBe(false);
  await limit.run("d", fail);
  await expect(limit.run("d", fail)).rejects.toMatchObject({ code: "RATE_LIMITED" });
});
