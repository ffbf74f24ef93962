import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findPackage, prepareEmbeddedBinaries } from "./postgres-binaries.ts";
import { commandAs, serverIdentity } from "./process-identity.ts";

const IS_ROOT = process.getuid?.() === 0;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-binaries-"));
  await chmod(directory, 0o755);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function askVersion(binDir: string): Promise<string> {
  const args = ["--version"];
  const command = commandAs(serverIdentity(), { file: join(binDir, "postgres"), args }, "KILL");
  const { stdout } = await promisify(execFile)(command.file, command.args, { cwd: "/" });
  return stdout.trim();
}

test("prepareEmbeddedBinaries() gives a server that runs as the server's user", async () => {
  const binDir = await prepareEmbeddedBinaries(serverIdentity(), directory);
  expect(await askVersion(binDir)).toMatch(/^postgres \(PostgreSQL\) 18\./);
});

test.runIf(IS_ROOT)("prepareEmbeddedBinaries() copies a package nobody can reach", async () => {
  const closed = join(directory, "closed");
  await mkdir(closed, { mode: 0o700 });
  const packageDir = join(closed, "package");
  await symlink(findPackage(), packageDir);
  const [binDir, again] = await Promise.all([
    prepareEmbeddedBinaries(serverIdentity(), directory, packageDir),
    prepareEmbeddedBinaries(serverIdentity(), directory, packageDir),
  ]);
  expect(binDir).toBe(again);
  expect(binDir.startsWith(directory)).toBe(true);
  expect(await askVersion(binDir)).toMatch(/^postgres \(PostgreSQL\) 18\./);
});
