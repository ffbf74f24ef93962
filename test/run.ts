/**
 * The gate behind `npm test`: formats, lints, types and project rules, then every suite on Bun, the
 * portable rooms again on Deno and the API against a separate Postgres. `npm test -- PATTERN…` runs
 * the checks and test files whose name contains a pattern. Ends with `N passed, N failed`.
 */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestPostgres } from "./helpers/postgres.ts";
import { type Command, findDeno, runCommand } from "./gate/programs.ts";
import { addTallies, EMPTY_TALLY, failure, readReport, type Tally } from "./gate/tally.ts";

type Check = { readonly name: string; readonly argv: readonly string[] };
type Suite = {
  readonly name: string;
  readonly argv: readonly string[];
  /** Patterns of its test files. */
  readonly files: readonly string[];
  /** Patterns of those that others run, or that say nothing new on this runtime. */
  readonly without?: readonly string[];
  /** On the embedded Postgres; else on the separate one that `test/global-setup.ts` finds. */
  readonly isEmbedded?: boolean;
};

const BIN = "node_modules/.bin";
const DENO = findDeno();
const VITEST_ON_BUN = [process.execPath, "--bun", `${BIN}/vitest`, "run"];
// Deno's worker threads lack what vitest calls at the end of a file, so files run in processes.
const VITEST_ON_DENO = [DENO, "run", "-A", "npm:vitest", "run", "--pool=forks"];

const CHECKS: readonly Check[] = [
  { name: "format", argv: [DENO, "fmt", "--check", "--quiet"] },
  { name: "lint", argv: [`${BIN}/oxlint`] },
  { name: "types", argv: [`${BIN}/tsc`, "-p", "."] },
  { name: "deno-check", argv: [DENO, "check", "--quiet", "api/main.ts", "web/site.tsx"] },
];

const SUITE_DEADLINE_MS = 1_200_000;

const below = (folders: string) => `${folders}/**/*.test.{ts,tsx}`;
/** They measure memory or time of their own process: nothing else may run in it. */
const ALONE = "**/*.alone.test.ts";
/** What waits for things to come true, however long they take. */
const PATIENT = [
  "blocked-autoplay",
  "captions",
  "compose",
  "nginx-relay",
  "other-tools",
  "player-accessibility",
  "player-element",
  "player-package",
  "player-pages",
  "players",
  "readme",
  "watch-controls",
];
const PATIENT_FILES = `test/e2e/{${PATIENT.join(",")}}.test.ts`;

const UNITS: Suite = {
  name: "bun",
  argv: VITEST_ON_BUN,
  files: [
    below("{api,cli,db,media-node,resizer,shared,web}"),
    below("test/{checks,fuzz,gate,helpers}"),
  ],
  without: [ALONE],
};
/**
 * Journeys measure time, with margins for a busy machine: one after the other. They start Bun and Deno
 * from Bun, since Deno does not tell how a child that got a signal exited.
 */
const JOURNEYS: Suite = {
  name: "journeys",
  argv: [...VITEST_ON_BUN, "--no-file-parallelism"],
  files: [below("test/{e2e,runtime}"), `{media-node,resizer}/${ALONE}`],
  without: [PATIENT_FILES],
};
/** One after the other, beside the journeys. */
const BESIDE_JOURNEYS: readonly Suite[] = [
  {
    name: "patient journeys",
    argv: [...VITEST_ON_BUN, "--no-file-parallelism"],
    files: [PATIENT_FILES],
  },
  {
    name: "deno",
    argv: VITEST_ON_DENO,
    files: [below("{api,db,shared}")],
    // Mostly the broker's own start-up; the queue's contract runs on both.
    without: ["shared/queue/amqp-faults.test.ts"],
  },
  { name: "embedded", argv: VITEST_ON_BUN, files: [below("api")], isEmbedded: true },
];

const patterns = process.argv.slice(2).filter((arg) => !arg.startsWith("-"));
const isWanted = (name: string) =>
  patterns.length === 0 || patterns.some((pattern) => name.includes(pattern));

async function runCheck(check: Check): Promise<Tally> {
  const startedAtMs = performance.now();
  const outcome = await runCommand({ argv: check.argv, output: "kept", deadlineMs: 180_000 });
  const isGood = outcome.exitCode === 0;
  console.log(`${isGood ? "✓" : "✗"} ${check.name} (${seconds(startedAtMs)} s)`);
  if (isGood) return { ...EMPTY_TALLY, passed: 1 };
  console.log(outcome.output.trimEnd());
  return failure(`check ${check.name}: ${check.argv.slice(0, 3).join(" ")}`);
}

async function runSuite(
  suite: Suite,
  reports: string,
  output: Command["output"] = "shown",
): Promise<Tally> {
  const files = globSync(suite.files, { exclude: suite.without ?? [] }).filter(isWanted);
  if (files.length === 0) return EMPTY_TALLY;
  const postgres = suite.isEmbedded === true ? await startTestPostgres("embedded") : null;
  try {
    const env: Record<string, string> = postgres === null
      ? {}
      : { TEST_DATABASE_URL: postgres.url };
    const report = join(reports, `${suite.name}.json`);
    return await runFiles(suite, files, { report, env, output });
  } finally {
    await postgres?.stop();
  }
}

type RunOptions = {
  readonly report: string;
  readonly env: Readonly<Record<string, string>>;
  readonly output: Command["output"];
};

async function runFiles(
  suite: Suite,
  files: readonly string[],
  { report, env, output }: RunOptions,
): Promise<Tally> {
  const startedAtMs = performance.now();
  console.log(`\n— suites on ${suite.name}: ${files.length} files`);
  const outcome = await runCommand({
    argv: [
      ...suite.argv,
      ...files,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    ],
    env: { ...env, NODE_ENV: "test" },
    output,
    deadlineMs: SUITE_DEADLINE_MS,
  });
  const { exitCode } = outcome;
  if (outcome.output !== "") console.log(outcome.output.trimEnd());
  console.log(`— suites on ${suite.name}: ${seconds(startedAtMs)} s`);
  return readReport(suite.name, existsSync(report) ? readFileSync(report, "utf8") : null, exitCode);
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(1);
}

function printSummary(tally: Tally): number {
  const isStrict = process.env["CI"] === "true";
  const skipped = tally.skipped.map((name) => `skipped: ${name}`);
  const failures = isStrict ? [...tally.failures, ...skipped] : tally.failures;
  console.log("");
  for (const name of failures) console.log(`failed: ${name}`);
  if (!isStrict) { for (const line of skipped) console.log(line); }
  console.log(`${tally.passed} passed, ${failures.length} failed`);
  return failures.length === 0 && tally.passed > 0 ? 0 : 1;
}

async function main(): Promise<number> {
  let isInterrupted = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => isInterrupted = true);
  }
  const reports = mkdtempSync(join(tmpdir(), "sluice-gate-"));
  try {
    const checks = await Promise.all(
      CHECKS.filter(({ name }) => isWanted(name)).map(runCheck),
    );
    let tally = checks.reduce(addTallies, EMPTY_TALLY);
    tally = addTallies(tally, await runSuite(UNITS, reports));
    const besideJourneys = async () => {
      let beside = EMPTY_TALLY;
      for (const suite of BESIDE_JOURNEYS) {
        if (isInterrupted) break;
        beside = addTallies(beside, await runSuite(suite, reports, "kept"));
      }
      return beside;
    };
    if (!isInterrupted) {
      const lanes = await Promise.all([runSuite(JOURNEYS, reports), besideJourneys()]);
      tally = lanes.reduce(addTallies, tally);
    }
    const exitCode = printSummary(tally);
    return isInterrupted ? 130 : exitCode;
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
}

process.exit(await main());
