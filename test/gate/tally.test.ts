import { describe, expect, test } from "vitest";
import { addTallies, EMPTY_TALLY, readReport } from "./tally.ts";

const report = (tests: readonly [string, string][], status = "passed", message = "") =>
  JSON.stringify({
    numPassedTests: tests.filter(([, state]) => state === "passed").length,
    numFailedTests: tests.filter(([, state]) => state === "failed").length,
    testResults: [{
      name: `${process.cwd()}/api/x.test.ts`,
      status,
      message,
      assertionResults: tests.map(([fullName, state]) => ({
        fullName,
        status: state,
        failureMessages: state === "failed" ? ["expected 1\n  at x"] : [],
      })),
    }],
  });

describe("readReport()", () => {
  test("counts passed, failed and skipped tests by name", () => {
    const text = report([["a", "passed"], ["b", "failed"], ["c", "pending"]], "failed");
    expect(readReport("bun", text, 1)).toEqual({
      passed: 1,
      failed: 1,
      skipped: ["bun: api/x.test.ts: c"],
      failures: ["bun: api/x.test.ts: b: expected 1"],
    });
  });

  test("a file that does not load is a failure", () => {
    const tally = readReport("bun", report([], "failed", "Cannot find module"), 1);
    expect(tally.failures).toEqual(["bun: api/x.test.ts: Cannot find module"]);
  });

  test("an exit code without a failed test is a failure", () => {
    expect(readReport("bun", report([["a", "passed"]]), 1)).toMatchObject({ passed: 1, failed: 1 });
  });

  test("a run without a report is a failure", () => {
    expect(readReport("deno", null, 137)).toMatchObject({ passed: 0, failed: 1 });
  });
});

test("addTallies() sums and joins", () => {
  const one = readReport("bun", report([["a", "passed"], ["b", "skipped"]]), 0);
  expect(addTallies(addTallies(EMPTY_TALLY, one), one)).toMatchObject({
    passed: 2,
    failed: 0,
    skipped: ["bun: api/x.test.ts: b", "bun: api/x.test.ts: b"],
  });
});
