/**
 * The whole product as a user starts it: `sluice dev` in a process of its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until.ts";

/** The document `sluice dev --json` prints when everything is ready. */
export type ReadyDocument = {
  readonly api: string;
  readonly rtmp: string;
  readonly hls: string;
  readonly watch: string | null;
  readonly pids: Readonly<Record<string, number>>;
  readonly demo: {
    readonly username: string;
    readonly password: string;
    readonly streamKey: string;
    readonly videoUrl: string;
  } | null;
};

export type RunningSluice = {
  readonly ready: ReadyDocument;
  readonly dataDirectory: string;
  readonly startedInMs: number;
  /** Everything written to stderr so far. */
  readonly talk: () => string;
  /** SIGTERM, then the exit code; the data directory goes unless it was given. */
  readonly stop: () => Promise<number | null>;
  /** SIGKILL, as a crash. */
  readonly kill: () => Promise<void>;
};

export type StartOptions = {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDirectory?: string;
  readonly deadlineMs?: number;
  /** Whose code runs, for measurements side by side; default this one's. */
  readonly checkout?: string;
};

const FREE_PORTS = { API_PORT: "0", RTMP_PORT: "0", HLS_PORT: "0" };
const OURS = /^(SLUICE_|API_PORT|RTMP_PORT|HLS_PORT|PUBLIC_|DATABASE_URL|AMQP_URL|CONTROL_URL)/;

/** The environment of a fresh shell: none of Sluice's settings. */
export function cleanEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] =>
      entry[1] !== undefined && !OURS.test(entry[0])
    ),
  );
}

/** Starts `sluice dev` on free ports with a data directory of its own and waits until it is ready. */
export async function startSluice(options: StartOptions = {}): Promise<RunningSluice> {
  const dataDirectory = options.dataDirectory ?? await mkdtemp(join(tmpdir(), "sluice-test-"));
  const startedAtMs = performance.now();
  const child = spawn(
    process.execPath,
    ["cli/main.ts", "dev", "--json", ...(options.flags ?? ["--no-demo"])],
    {
      env: {
        ...cleanEnvironment(),
        ...FREE_PORTS,
        HOST: "127.0.0.1",
        SLUICE_DATA_DIR: dataDirectory,
        ...options.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.checkout !== undefined && { cwd: options.checkout }),
    },
  );
  const output = collectOutput(child);
  const ready = await until(() => {
    if (child.exitCode !== null) {
      throw new Error(`sluice dev exited with ${child.exitCode}:\n${output.stderr()}`);
    }
    return parseDocument(output.stdout());
  }, options.deadlineMs ?? 60_000);
  return {
    ready,
    dataDirectory,
    startedInMs: performance.now() - startedAtMs,
    talk: output.stderr,
    stop: async () => {
      const code = await endChild(child, "SIGTERM");
      if (options.dataDirectory === undefined) await rm(dataDirectory, { recursive: true });
      return code;
    },
    kill: async () => {
      await endChild(child, "SIGKILL");
    },
  };
}

function collectOutput(child: ChildProcess): { stdout: () => string; stderr: () => string } {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => stdout += text);
  child.stderr?.setEncoding("utf8").on("data", (text: string) => stderr += text);
  return { stdout: () => stdout, stderr: () => stderr };
}

function parseDocument(text: string): ReadyDocument | undefined {
  try {
    return JSON.parse(text) as ReadyDocument;
  } catch {
    return undefined;
  }
}

function endChild(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.kill(signal);
  });
}
