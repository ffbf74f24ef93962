/**
 * Processes under measurement.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const DEADLINE_MS = 120_000;

/** The JSON that a command prints. */
export async function readJson<T>(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<T> {
  const { stdout } = await run(command, [...args], { ...options, timeout: DEADLINE_MS });
  return JSON.parse(stdout) as T;
}

export type Spawned = { readonly child: ChildProcess; readonly stop: () => Promise<void> };

/** Starts a command in a process group of its own; `stop` ends all of it. */
export function start(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Record<string, string> },
): Spawned {
  const child = spawn(command, args, { ...options, stdio: "ignore", detached: true });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    if (child.pid === undefined) return;
    process.kill(-child.pid, "SIGKILL");
    await exited;
  };
  return { child, stop };
}

/** The sum over a process and its descendants of what each held in memory at most. */
export async function peakBytesOf(pid: number): Promise<number> {
  let total = 0;
  for (const member of await descendantsOf(pid)) {
    const status = await readFile(`/proc/${member}/status`, "utf8");
    total += Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  }
  return total;
}

async function descendantsOf(root: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    parents.set(Number(name), parent);
  }
  const found = [root];
  for (const pid of found) {
    for (const [child, parent] of parents) if (parent === pid) found.push(child);
  }
  return found;
}
