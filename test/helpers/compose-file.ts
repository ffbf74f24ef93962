/**
 * `compose.yaml` as data, and its services as processes of this machine.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { findDeno } from "../gate/programs.ts";
import { cleanEnvironment } from "./sluice.ts";

export type ComposeService = {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly init?: boolean;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
};

export type ComposeFile = {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};

/** The file of this project. */
export function readComposeFile(): ComposeFile {
  return Bun.YAML.parse(readFileSync("compose.yaml", "utf8")) as ComposeFile;
}

/**
 * `text` with `${NAME:-default}` and `${NAME:?message}` filled in as compose does.
 * @throws when a variable without a default is not given
 */
export function interpolate(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, mark, rest: string) => {
    const value = values[name];
    if (value !== undefined) return value;
    if (mark === "-") return rest;
    throw new Error(`${name}: ${rest ?? "not set"}`);
  });
}

export type RunningService = {
  readonly pid: number;
  readonly output: () => string;
  /** Null while it runs. */
  readonly exitCode: () => { readonly code: number | null } | null;
  /** SIGTERM, as a container is stopped; its exit code. */
  readonly stop: () => Promise<number | null>;
};

/** Runs `argv` with our Bun and Deno first on PATH and nothing of Sluice in the environment. */
export function runService(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
): RunningService {
  const [program = "", ...args] = argv;
  const runtimes = [dirname(process.execPath), dirname(findDeno())];
  const child = spawn(program, args, {
    env: {
      ...cleanEnvironment(),
      PATH: [...runtimes, process.env["PATH"] ?? ""].join(delimiter),
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => output += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => output += text);
  return {
    pid: child.pid ?? 0,
    output: () => output,
    exitCode: () => isEnded(child) ? { code: child.exitCode } : null,
    stop: () => stopChild(child),
  };
}

function isEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function stopChild(child: ChildProcess): Promise<number | null> {
  if (isEnded(child)) return child.exitCode;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await exited;
  clearTimeout(timer);
  return child.exitCode;
}
