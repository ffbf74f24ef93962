/**
 * Can the data directory be written, and is there room?
 */
import { access, constants, mkdir, statfs } from "node:fs/promises";
import { messageOf } from "#shared/errors.ts";
import { bad, type CheckResult, good, warning } from "./check.ts";

const GIB = 2 ** 30;
const LEAST_FREE_BYTES = GIB / 4;
const ENOUGH_FREE_BYTES = 2 * GIB;

/** Makes the directory when it is not there; an hour of the default ladder is about 2 GiB. */
export async function checkDataDirectory(path: string): Promise<CheckResult> {
  const name = "storage";
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(path);
    return judge(path, bavail * bsize);
  } catch (error) {
    const hint = "choose another directory with --data-dir";
    return bad(name, "failed", `${path} cannot be used: ${messageOf(error)}`, hint);
  }
}

function judge(path: string, freeBytes: number): CheckResult {
  const free = `${(freeBytes / GIB).toFixed(1)} GiB free`;
  const hint = "make room, or choose another directory with --data-dir";
  if (freeBytes < LEAST_FREE_BYTES) return bad("storage", "failed", `${path}: ${free}`, hint);
  if (freeBytes < ENOUGH_FREE_BYTES) return warning("storage", `${path}: ${free}`, hint);
  return good("storage", `${path} (${free})`);
}
