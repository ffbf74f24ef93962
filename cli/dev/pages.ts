/**
 * The bundles of the pages, built at the first start and after each change.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Assets, ASSETS_DIRECTORY, readAssets } from "#web/assets.ts";
import { CommandError } from "../exit-codes.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DEADLINE_MS = 30_000;

/** Builds them when they are not there, in a process of its own: its memory goes with it. */
export async function buildPages(): Promise<Assets> {
  const args = [join(ROOT, "web/build.ts")];
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, args, { cwd: ROOT, timeout: DEADLINE_MS }, (error, _out, talk) => {
      if (error === null) return resolve();
      reject(new CommandError("failed", `the pages could not be built: ${talk.trim()}`));
    });
  });
  return await readAssets(join(ROOT, ASSETS_DIRECTORY));
}
