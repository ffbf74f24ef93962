/**
 * A closed loop of requests against one server: `wrk` where it is installed, else our own.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type LoadFigures, readWrk } from "../tools/wrk.ts";
import type { PreparedRequest } from "./workloads.ts";

export type LoadOptions = {
  readonly url: string;
  readonly requests: readonly PreparedRequest[];
  readonly connections: number;
  readonly seconds: number;
  /** Put in front of the command: pins it to its cores. */
  readonly prefix: readonly string[];
  readonly scratchDir: string;
};

/** Runs the load. @throws Error when any answer was not 2xx: figures of refusals mean nothing */
export async function measureLoad(options: LoadOptions): Promise<LoadFigures> {
  return hasWrk() ? await runWrk(options) : await runOwn(options);
}

/** Whether `wrk` is on PATH. */
export function hasWrk(): boolean {
  return Bun.which("wrk") !== null;
}

async function runWrk(options: LoadOptions): Promise<LoadFigures> {
  const file = join(options.scratchDir, "requests.tsv");
  const lines = options.requests.map(({ method, path, authorization, body }) =>
    [method, path, authorization, body].join("\t")
  );
  await writeFile(file, `${lines.join("\n")}\n`);
  const [command, ...args] = [
    ...options.prefix,
    "wrk",
    "--threads=1",
    `--connections=${options.connections}`,
    `--duration=${options.seconds}s`,
    "--timeout=10s",
    "--latency",
    `--script=${join(import.meta.dirname, "wrk.lua")}`,
    options.url,
    "--",
    file,
  ];
  const { stdout } = await promisify(execFile)(command, args, {
    timeout: (options.seconds + 20) * 1000,
  });
  return readWrk(stdout);
}

/** Fewer requests per core than wrk, but the same loop: each connection asks, waits, asks again. */
async function runOwn(options: LoadOptions): Promise<LoadFigures> {
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + options.seconds * 1000;
  let next = 0;
  const loop = async () => {
    while (performance.now() < endsAt) {
      const request = options.requests[next++ % options.requests.length];
      if (request === undefined) throw new Error("no requests");
      const sentAt = performance.now();
      await send(options.url, request);
      latenciesMs.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: options.connections }, loop));
  const seconds = (performance.now() - startedAt) / 1000;
  latenciesMs.sort((a, b) => a - b);
  return {
    requests: latenciesMs.length,
    requestsPerSecond: latenciesMs.length / seconds,
    p99Ms: latenciesMs[Math.floor(latenciesMs.length * 0.99)] ?? 0,
  };
}

async function send(url: string, request: PreparedRequest): Promise<void> {
  const { method, path, authorization, body } = request;
  const response = await fetch(url + path, {
    method,
    headers: { authorization, ...(body !== "" && { "content-type": "application/json" }) },
    ...(body !== "" && { body }),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`);
}
