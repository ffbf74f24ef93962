/**
 * The spools of all broadcasts of a node, as its next process finds them.
 */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** When something was last written below `folder`, Unix ms; null when there is nothing. */
export async function lastWriteMs(folder: string): Promise<number | null> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const times = await Promise.all(
    files.filter((file) => file.isFile()).map(async ({ parentPath, name }) =>
      (await stat(join(parentPath, name))).mtimeMs
    ),
  );
  return times.length === 0 ? null : Math.max(...times);
}

/** Removes the spools in `folder` of broadcasts that nobody goes on with. */
export async function removeSpools(folder: string, except: readonly string[]): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!except.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
