/**
 * Memory of a process and everything it started, from /proc (Linux).
 */
import { readdir, readFile } from "node:fs/promises";

/** `pid` and its descendants. */
export async function listProcessTree(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = await readParent(Number(entry));
    if (parent !== undefined) parents.set(Number(entry), parent);
  }
  const tree = [pid];
  for (const member of tree) {
    for (const [child, parent] of parents) if (parent === member) tree.push(child);
  }
  return tree;
}

/** Proportional set size of the tree in bytes: shared pages count once, split among their users. */
export async function measureTreeMemoryBytes(pid: number): Promise<number> {
  const sizes = await Promise.all((await listProcessTree(pid)).map(readMemoryBytes));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

async function readParent(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The name in parentheses may hold spaces and parentheses itself.
  return stat === undefined
    ? undefined
    : Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** Proportional set size of one process in bytes; 0 when it is gone. */
export async function readMemoryBytes(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
}
