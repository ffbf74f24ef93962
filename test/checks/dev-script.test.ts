/**
 * `dev.mjs` on machines that lack something, made of empty PATHs and private caches.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findOnPath } from "../gate/programs.ts";

type Ended = { readonly code: number; readonly out: string; readonly talk: string };

const { engines } = JSON.parse(await readFile("package.json", "utf8")) as {
  engines: { bun: string };
};
const NODE = findOnPath("node") ?? "node";

let directory: string;
let path: string;
let cache: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-set-up-"));
  path = join(directory, "bin");
  cache = join(directory, "cache");
  await mkdir(path);
});
afterEach(() => rm(directory, { recursive: true }));

function runScript(...args: readonly string[]): Promise<Ended> {
  const env = { PATH: path, HOME: directory, XDG_CACHE_HOME: cache };
  return new Promise((resolve) => {
    execFile(NODE, ["dev.mjs", ...args], { env }, (error, out, talk) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, talk });
    });
  });
}

async function writeProgram(file: string, text: string): Promise<void> {
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

const modules = () => join(cache, "sluice", `bun-${engines.bun}`, "node_modules");

test("an unknown command ends with 2", async () => {
  expect(await runScript("nonsense")).toMatchObject({ code: 2, out: "" });
});

test("without Bun and with --no-install it names the command to run and ends with 5", async () => {
  const ended = await runScript("sluice", "--no-install");
  expect(ended).toMatchObject({ code: 5, out: "" });
  expect(ended.talk).toContain(`npm install --global bun@${engines.bun}`);
});

test("another version of Bun on PATH does not count", async () => {
  await writeProgram(join(path, "bun"), "echo 0.1.0");
  expect((await runScript("sluice", "--no-install")).code).toBe(5);
});

test("of the private candidates it takes the one that runs, and keeps its exit code", async () => {
  await writeProgram(join(modules(), "@oven/bun-linux-x64/bin/bun"), "exit 132");
  await writeProgram(join(modules(), ".bin/bun"), "echo stub >&2; exit 1");
  await mkdir(join(modules(), "bun/bin"), { recursive: true });
  await symlink(process.execPath, join(modules(), "bun/bin/bun.exe"));
  const version = await runScript("sluice", "version", "--json");
  expect(version.code).toBe(0);
  expect(JSON.parse(version.out)).toMatchObject({ bun: engines.bun });
  expect((await runScript("sluice", "--nonsense")).code).toBe(2);
});

test("without ffmpeg and with --no-install, start names the package and ends with 5", async () => {
  await symlink(process.execPath, join(path, "bun"));
  const ended = await runScript("start", "--no-install");
  expect(ended).toMatchObject({ code: 5, out: "" });
  expect(ended.talk).toMatch(/Missing: ffmpeg\./);
  expect(ended.talk).toMatch(/install .*ffmpeg/);
});
