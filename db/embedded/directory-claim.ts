/**
 * One process at a time owns a directory: a file in it names the owner, and a dead owner loses it.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";

/** Another living process owns the directory. */
export class DirectoryInUseError extends Error {
  override readonly name = "DirectoryInUseError";
  readonly pid: number;
  constructor(directory: string, pid: number) {
    super(`${directory} is in use by process ${pid}`);
    this.pid = pid;
  }
}

/** A process id is given out again; together with its start time it is unique. */
const ownerSchema = z.object({ pid: z.int().positive(), startedAt: z.string() });

/**
 * Takes `directory` and returns the function that gives it back.
 * @throws DirectoryInUseError
 */
export async function claimDirectory(directory: string): Promise<() => Promise<void>> {
  const file = join(directory, "owner.json");
  const draft = join(directory, `.owner.${process.pid}.json`);
  const owner = { pid: process.pid, startedAt: await readStartTime(process.pid) };
  await writeFile(draft, JSON.stringify(owner));
  try {
    // A link is made at once with its content, or not at all when somebody was faster.
    for (let attempt = 1; !(await linkIfFree(draft, file)); attempt += 1) {
      const other = await readOwner(file);
      const isAlive = other !== null && await readStartTime(other.pid) === other.startedAt;
      if (isAlive || attempt > 3) throw new DirectoryInUseError(directory, other?.pid ?? 0);
      await rm(file, { force: true });
    }
  } finally {
    await rm(draft, { force: true });
  }
  return () => rm(file, { force: true });
}

async function linkIfFree(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

async function readOwner(file: string): Promise<z.output<typeof ownerSchema> | null> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return null; // gone meanwhile, or not written by us
  }
}

/** When process `pid` started, in the system's own notation; empty when there is none. */
async function readStartTime(pid: number): Promise<string> {
  if (!existsSync("/proc/self/stat")) return await askPs(pid, "lstart=");
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // proc(5): field 22; the name in field 2 may contain anything, so count from its last ")".
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const isDead = fields[0] === undefined || fields[0] === "Z" || fields[0] === "X";
  return isDead ? "" : fields[19] ?? "";
}

/** The command line of process `pid`; empty when there is none. */
export async function readCommandLine(pid: number): Promise<string> {
  if (!existsSync("/proc/self/stat")) return await askPs(pid, "command=");
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return line.replaceAll("\0", " ");
}

async function askPs(pid: number, column: string): Promise<string> {
  const asked = promisify(execFile)("ps", ["-o", column, "-p", String(pid)]);
  return (await asked.catch(() => ({ stdout: "" }))).stdout.trim();
}
