/**
 * The directories of the file storage: walking in key order, removing what is empty or left over.
 */
import { readdir, rmdir, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Not written for this long: its process is gone. */
const ABANDONED_MS = 60 * 60 * 1000;

/** The file-system error code of anything thrown. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Whether `error` says that there is no such file; a name too long for the disk names none. */
export function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(errorCode(error) ?? "");
}

/** Removes the directories above `path` that are empty, up to `root`, which stays. */
export async function removeEmptyParents(root: string, path: string): Promise<void> {
  // join() gives both the same spelling.
  const top = join(root, ".");
  for (let directory = dirname(path); directory.length > top.length;) {
    try {
      await rmdir(directory);
    } catch (error) {
      // Not empty, or another process was faster: either way nothing above it is empty because of us.
      if (!isMissing(error)) return;
    }
    directory = dirname(directory);
  }
}

/** Keys and sizes of the files below `root` whose key starts with `prefix`, in key order. */
export async function* keysBelow(
  root: string,
  prefix: string,
): AsyncIterable<{ readonly key: string; readonly bytes: number }> {
  const parent = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  yield* walk(root, parent, prefix);
}

async function* walk(
  root: string,
  parent: string,
  prefix: string,
): AsyncIterable<{ readonly key: string; readonly bytes: number }> {
  for (const name of await namesIn(join(root, parent))) {
    const path = parent + name;
    if (!path.startsWith(prefix)) continue;
    if (name.endsWith("/")) {
      yield* walk(root, path, prefix);
      continue;
    }
    const bytes = await sizeOf(join(root, path));
    if (bytes !== null) yield { key: path, bytes };
  }
}

/** The names in a directory in key order: a directory counts as its name with a slash. */
async function namesIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.name.startsWith("."))
      .filter((entry) => entry.isDirectory() || entry.isFile())
      .map((entry) => entry.isDirectory() ? `${entry.name}/` : entry.name)
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Removes half-written objects of processes that were killed. */
export async function sweepIncoming(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const path = join(directory, name);
    try {
      if (Date.now() - (await stat(path)).mtimeMs > ABANDONED_MS) await unlink(path);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}
