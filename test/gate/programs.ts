/**
 * The programs the gate runs, by the paths where they really are.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Deno as npm brings it: its install script may not have run, so look where the binary lies. */
export function findDeno(): string {
  const scope = "node_modules/@deno";
  const platforms = existsSync(scope) ? readdirSync(scope) : [];
  const candidates = [
    ...platforms.map((name) => join(scope, name, "deno")),
    "node_modules/deno/deno",
  ];
  const found = candidates.find(isExecutable);
  if (found === undefined) throw new Error(`no Deno among ${candidates.join(", ")}`);
  return join(process.cwd(), found);
}

/** The first executable called `name` on PATH. */
export function findOnPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "").split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export type Command = {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Shown as it comes, or kept for when it fails. */
  readonly output: "shown" | "kept";
  readonly deadlineMs: number;
};

export type Outcome = { readonly exitCode: number; readonly output: string };

/** Runs one command to its end; past the deadline its whole process group is killed (exit code 124). */
export function runCommand(command: Command): Promise<Outcome> {
  const [program = "", ...args] = command.argv;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...command.env },
      stdio: command.output === "shown" ? "inherit" : ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const chunks: string[] = [];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
    const forward = (signal: NodeJS.Signals) => signalGroup(child.pid, signal);
    process.on("SIGINT", forward).on("SIGTERM", forward);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      signalGroup(child.pid, "SIGKILL");
    }, command.deadlineMs);
    const finish = (exitCode: number, more = "") => {
      clearTimeout(timer);
      process.off("SIGINT", forward).off("SIGTERM", forward);
      resolve({ exitCode: isLate ? 124 : exitCode, output: chunks.join("") + more });
    };
    child.on("error", (error) => finish(127, error.message));
    child.on("close", (code) => finish(code ?? 1));
  });
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended already.
  }
}
