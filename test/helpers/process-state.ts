/**
 * What the kernel says of processes, on Linux.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { until } from "./until.ts";

/** "T" is one that was stopped by a signal. */
type State = string;

/**
 * Resolves when every thread of the process group has stopped. The signal is on its way when `kill()`
 * returns: on a busy machine a thread goes on for a while. At once where there is no /proc.
 */
export async function untilGroupStopped(processGroup: number): Promise<void> {
  if (!existsSync("/proc/self/stat")) return;
  await until(async () => {
    const states = await statesOf(processGroup);
    return states.length > 0 && states.every((state) => state === "T" || state === "Z");
  }, 10_000);
}

async function statesOf(processGroup: number): Promise<State[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map(async (pid): Promise<State[]> => {
    const [, group] = await readStat(`/proc/${pid}/stat`) ?? [];
    if (group !== processGroup) return [];
    const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
    const stats = await Promise.all(
      threads.map((thread) => readStat(`/proc/${pid}/task/${thread}/stat`)),
    );
    return stats.flatMap((stat) => stat === null ? [] : [stat[0]]);
  }));
  return found.flat();
}

/** State and process group; null when it is gone. @see proc(5) */
async function readStat(file: string): Promise<[State, number] | null> {
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return null;
  // The name in brackets may hold anything.
  const [state = "", , group] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return [state, Number(group)];
}
