import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const MEBIBYTE = 1024 * 1024;

test("30 s of 8 Mbit/s before an ffmpeg that takes nothing cost less than 16 MB", async () => {
  const name = "../../../test/helpers/stalled-child.program.ts";
  const program = fileURLToPath(new URL(name, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 60_000 });
  const { growthBytes } = JSON.parse(stdout) as { growthBytes: number };
  expect(growthBytes).toBeLessThan(16 * MEBIBYTE);
}, 60_000);
