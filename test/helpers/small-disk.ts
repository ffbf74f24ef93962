/**
 * A real disk that is soon full, for tests.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export type SmallDisk = {
  readonly folder: string;
  readonly remove: () => Promise<void>;
};

/** Mounts a file system of `kibibytes`; null where that is not allowed. */
export async function mountSmallDisk(kibibytes: number): Promise<SmallDisk | null> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-disk-"));
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${kibibytes}k`, "sluice-test", folder]);
  } catch {
    await rm(folder, { recursive: true });
    return null;
  }
  return {
    folder,
    remove: async () => {
      await run("umount", ["-l", folder]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
