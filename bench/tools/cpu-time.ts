/**
 * Processor time of a process, from /proc (Linux).
 */
import { readFile } from "node:fs/promises";
import { listProcessTree } from "./process-tree.ts";

/** Clock ticks a second in /proc: USER_HZ, 100 on every Linux there is. */
const TICKS_PER_SECOND = 100;

/** User and system time of all threads of `pid` so far, in seconds; null where there is no /proc. */
export async function readCpuSeconds(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (stat === null) return null;
  // proc(5): utime and stime are fields 14 and 15; the name in field 2 may contain anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The same of a process and everything that runs below it; NaN where there is no /proc. */
export async function readTreeCpuSeconds(pid: number): Promise<number> {
  const pids = await listProcessTree(pid);
  const seconds = await Promise.all(pids.map(readCpuSeconds));
  return seconds.reduce<number>((sum, each) => sum + (each ?? Number.NaN), 0);
}
