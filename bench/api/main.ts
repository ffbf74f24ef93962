#!/usr/bin/env bun
/**
 * Requests a second of our API beside NestJS + Prisma and bare Hono + postgres.js.
 *
 *   bun bench/api/main.ts [--json] [--seconds=4] [--repeats=3]
 *
 * One Postgres, one set of tables, the same requests; the servers take turns in windows of a few
 * seconds, each pinned to one core with the load (and Postgres) on the other, where there is
 * `taskset` and a second core. Medians over the repeats. Commits are not flushed to the disk: it
 * would be the disk that is compared. Exit code 1 when a goal is missed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { randomName } from "#shared/ids.ts";
import { createTestDatabase, POSTGRES_URL_VARIABLE } from "#test/helpers/database.ts";
import { startTestPostgres, type TestPostgres } from "#test/helpers/postgres.ts";
import { readCpuSeconds } from "../tools/cpu-time.ts";
import { median } from "../tools/median.ts";
import type { LoadFigures } from "../tools/wrk.ts";
import { hasWrk, measureLoad } from "./load.ts";
import {
  preparePeers,
  type Server,
  SERVER_NAMES,
  type ServerName,
  startServer,
} from "./servers.ts";
import { prepareWorkloads, type Workload } from "./workloads.ts";

const CONNECTIONS = 32;
const WARM_UP_SECONDS = 3;
const GOALS = { nest: 5, bare: 0.9 } as const;

type Flags = { readonly json: boolean; readonly seconds: number; readonly repeats: number };
type WindowFigures = Pick<LoadFigures, "requestsPerSecond" | "p99Ms"> & {
  /** Processor time of the server per request: the figure that a busy machine disturbs least. */
  readonly cpuMicros: number;
};
type Figures = Readonly<Record<ServerName, WindowFigures>>;
type Result = {
  readonly workload: string;
  readonly figures: Figures;
  readonly ratios: { readonly nest: number; readonly bare: number };
  readonly isGood: boolean;
};

function readFlags(): Flags {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      seconds: { type: "string", default: "4" },
      repeats: { type: "string", default: "3" },
    },
  });
  return { ...values, seconds: Number(values.seconds), repeats: Number(values.repeats) };
}

/** `taskset -c <core>`, or nothing where cores cannot be shared out. */
function pinTo(core: number): readonly string[] {
  const canPin = Bun.which("taskset") !== null && availableParallelism() > 1;
  return canPin ? ["taskset", "-c", String(core)] : [];
}

function pinPostgres(postgres: TestPostgres): void {
  const [command] = pinTo(1);
  if (command === undefined || postgres.pid === null) return;
  // Its later backends inherit the core.
  Bun.spawnSync([command, "-c", "-p", "1", String(postgres.pid)]);
}

async function main(): Promise<number> {
  const flags = readFlags();
  say("preparing the peers…");
  await preparePeers();
  const scratchDir = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const postgres = await startTestPostgres();
  const releases = [() => rm(scratchDir, { recursive: true, force: true }), postgres.stop];
  try {
    pinPostgres(postgres);
    process.env[POSTGRES_URL_VARIABLE] = postgres.url;
    const database = await createTestDatabase({ queryDeadlineMs: 60_000 });
    releases.push(() => database.close());
    const [secret, serviceToken] = [randomName(40), randomName(40)];
    say("filling the tables…");
    const workloads = await prepareWorkloads(database.db, secret, serviceToken);
    const options = {
      databaseUrl: database.url,
      secret,
      serviceToken,
      dataDir: scratchDir,
      prefix: pinTo(0),
    };
    const servers: Server[] = [];
    for (const name of SERVER_NAMES) {
      const server = await startServer(name, options);
      servers.push(server);
      releases.push(() => server.stop());
    }
    const results = await measureAll(workloads, servers, { ...flags, scratchDir });
    report(results, flags, postgres.source);
    return results.every(({ isGood }) => isGood) ? 0 : 1;
  } finally {
    for (const release of releases.toReversed()) await release();
  }
}

type Run = Flags & { readonly scratchDir: string };

async function measureAll(
  workloads: readonly Workload[],
  servers: readonly Server[],
  run: Run,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const workload of workloads) {
    const windows: Record<ServerName, WindowFigures[]> = { sluice: [], nest: [], bare: [] };
    for (let repeat = 0; repeat < run.repeats; repeat += 1) {
      // Another order each time, so that no server always has the warmer or the busier machine.
      for (let turn = 0; turn < servers.length; turn += 1) {
        const server = servers[(turn + repeat) % servers.length];
        if (server === undefined) continue;
        windows[server.name].push(await measureWindow(workload, server, run));
      }
    }
    results.push(judge(workload.name, {
      sluice: toMedian(windows.sluice),
      nest: toMedian(windows.nest),
      bare: toMedian(windows.bare),
    }));
  }
  return results;
}

async function measureWindow(workload: Workload, server: Server, run: Run): Promise<WindowFigures> {
  const load = {
    url: server.url,
    requests: workload.requests,
    connections: CONNECTIONS,
    prefix: pinTo(1),
    scratchDir: run.scratchDir,
  };
  await measureLoad({ ...load, seconds: WARM_UP_SECONDS });
  await workload.reset();
  const cpuBefore = await readCpuSeconds(server.pid) ?? Number.NaN;
  const { requests, requestsPerSecond, p99Ms } = await measureLoad({
    ...load,
    seconds: run.seconds,
  });
  const cpuSeconds = (await readCpuSeconds(server.pid) ?? Number.NaN) - cpuBefore;
  const figures = { requestsPerSecond, p99Ms, cpuMicros: cpuSeconds * 1e6 / requests };
  await workload.reset();
  say(`  ${workload.name} · ${server.name}: ${render(figures)}`);
  return figures;
}

function toMedian(windows: readonly WindowFigures[]): WindowFigures {
  return {
    cpuMicros: median(windows.map(({ cpuMicros }) => cpuMicros)),
    requestsPerSecond: median(windows.map(({ requestsPerSecond }) => requestsPerSecond)),
    p99Ms: median(windows.map(({ p99Ms }) => p99Ms)),
  };
}

function judge(workload: string, figures: Figures): Result {
  const { sluice, nest, bare } = figures;
  const ratios = {
    nest: sluice.requestsPerSecond / nest.requestsPerSecond,
    bare: sluice.requestsPerSecond / bare.requestsPerSecond,
  };
  const isGood = ratios.nest >= GOALS.nest && ratios.bare >= GOALS.bare &&
    sluice.p99Ms <= nest.p99Ms;
  return { workload, figures, ratios, isGood };
}

function report(results: readonly Result[], flags: Flags, postgres: string): void {
  const tool = hasWrk() ? "wrk" : "own load";
  if (flags.json) {
    const goals = GOALS;
    console.log(JSON.stringify({ tool, connections: CONNECTIONS, postgres, goals, results }));
    return;
  }
  console.log(`${tool}, ${CONNECTIONS} connections, Postgres: ${postgres}`);
  for (const { workload, figures, ratios, isGood } of results) {
    console.log(`${isGood ? "✓" : "✗"} ${workload}`);
    for (const name of SERVER_NAMES) console.log(`    ${name.padEnd(7)}${render(figures[name])}`);
    console.log(
      `    ${ratios.nest.toFixed(2)} × NestJS + Prisma (goal ${GOALS.nest}), ` +
        `${ratios.bare.toFixed(2)} × bare Hono + postgres.js (goal ${GOALS.bare})`,
    );
  }
}

function render({ requestsPerSecond, p99Ms, cpuMicros }: WindowFigures): string {
  const cpu = Number.isNaN(cpuMicros) ? "" : `, ${cpuMicros.toFixed(0)} µs of CPU each`;
  return `${requestsPerSecond.toFixed(0).padStart(6)} requests/s, p99 ${p99Ms.toFixed(1)} ms${cpu}`;
}

function say(text: string): void {
  console.error(text);
}

process.exit(await main());
