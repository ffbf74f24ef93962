/**
 * What a run of suites came to, read from vitest's JSON report.
 */

export type Tally = {
  readonly passed: number;
  readonly failed: number;
  /** Names of tests that did not run. */
  readonly skipped: readonly string[];
  /** Names of what failed, with its first line. */
  readonly failures: readonly string[];
};

type Report = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
};

export const EMPTY_TALLY: Tally = { passed: 0, failed: 0, skipped: [], failures: [] };

/** The sum of two runs. */
export function addTallies(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: [...a.skipped, ...b.skipped],
    failures: [...a.failures, ...b.failures],
  };
}

/**
 * The tally of one vitest run. A file that could not be loaded counts as one failure, and so does a
 * run that exits non-zero although every test passed (an unhandled error, a broken setup).
 */
export function readReport(suite: string, text: string | null, exitCode: number): Tally {
  if (text === null) return failure(`${suite}: ended with ${exitCode} and without a report`);
  const report = JSON.parse(text) as Report;
  const failures: string[] = [];
  const skipped: string[] = [];
  for (const file of report.testResults) {
    const name = file.name.replace(`${process.cwd()}/`, "");
    for (const test of file.assertionResults) {
      const title = `${suite}: ${name}: ${test.fullName}`;
      if (test.status === "failed") {
        failures.push(`${title}: ${firstLine(test.failureMessages?.[0])}`);
      } else if (test.status !== "passed") skipped.push(title);
    }
    const isBroken = file.status === "failed" &&
      !file.assertionResults.some((test) => test.status === "failed");
    if (isBroken) failures.push(`${suite}: ${name}: ${firstLine(file.message)}`);
  }
  if (exitCode !== 0 && failures.length === 0) {
    failures.push(`${suite}: every test passed, but the run ended with ${exitCode}`);
  }
  return { passed: report.numPassedTests, failed: failures.length, skipped, failures };
}

/** One failed check. */
export function failure(name: string): Tally {
  return { passed: 0, failed: 1, skipped: [], failures: [name] };
}

function firstLine(text: string | undefined): string {
  return text?.split("\n")[0]?.slice(0, 300) ?? "";
}
