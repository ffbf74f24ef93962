/**
 * The API as an operator runs it: a process of a given runtime with its own settings.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withDeadline } from "#shared/retry.ts";
import { cleanEnvironment } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

export type ApiProcess = {
  readonly url: string;
  readonly pid: number;
  readonly stderr: () => string;
  /** SIGTERM, then the exit code; null when a signal ended it. */
  readonly stop: () => Promise<number | null>;
};

export type Exited = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

const DEADLINE_MS = 30_000;
const SETTINGS = {
  HOST: "127.0.0.1",
  API_PORT: "0",
  SLUICE_SECRET: "a-secret-of-forty-characters-0123456789",
};

/** Starts `argv` (a runtime and the entry) and waits until it listens. */
export async function startApi(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ApiProcess> {
  const dataDirectory = await mkdtemp(join(tmpdir(), "sluice-api-"));
  const launched = launch(argv, { SLUICE_DATA_DIR: dataDirectory, ...env });
  const { child, stdout, stderr } = launched;
  const ready = await until(() => {
    if (child.exitCode !== null) throw new Error(`exit ${child.exitCode}:\n${stderr()}`);
    return stdout().includes("\n") ? JSON.parse(stdout()) as { port: number } : undefined;
  }, DEADLINE_MS);
  return {
    url: `http://127.0.0.1:${ready.port}`,
    pid: child.pid ?? 0,
    stderr,
    stop: async () => {
      child.kill("SIGTERM");
      const code = await exitOf(launched);
      await rm(dataDirectory, { recursive: true, force: true });
      return code;
    },
  };
}

/** Runs `argv` with settings under which it should end by itself. */
export async function runApi(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Exited> {
  const launched = launch(argv, env);
  return { code: await exitOf(launched), stdout: launched.stdout(), stderr: launched.stderr() };
}

type Launched = {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly stdout: () => string;
  readonly stderr: () => string;
};

function launch(argv: readonly string[], env: Readonly<Record<string, string>>): Launched {
  const [command = "", ...args] = argv;
  let stdout = "";
  let stderr = "";
  const child = spawn(command, args, {
    env: { ...cleanEnvironment(), ...SETTINGS, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { child, exited, stdout: () => stdout, stderr: () => stderr };
}

async function exitOf({ child, exited }: Launched): Promise<number | null> {
  try {
    return await withDeadline("exiting", DEADLINE_MS, exited);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}
