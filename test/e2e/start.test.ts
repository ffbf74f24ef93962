/**
 * `npm start` as a whole: the process tree's memory, its end, and the demo's secrets.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cleanEnvironment, type ReadyDocument, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

const MIB = 2 ** 20;
let dataDirectory: string;

beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "sluice-start-"));
});
afterEach(() => rm(dataDirectory, { recursive: true, force: true }));

function startByNpm(): { child: ChildProcess; ready: Promise<ReadyDocument> } {
  const flags = ["--no-demo", "--json", "--data-dir", dataDirectory];
  const ports = ["--api-port", "0", "--rtmp-port", "0", "--hls-port", "0"];
  const child = spawn("npm", ["start", "--silent", "--", ...flags, ...ports], {
    env: { ...cleanEnvironment(), CI: "true" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let out = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => out += text);
  const ready = until(() => {
    if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}`);
    return out.endsWith("\n") ? JSON.parse(out) as ReadyDocument : undefined;
  }, 60_000);
  return { child, ready };
}

/** `root` and everything below it. */
function processTree(root: number): readonly number[] {
  const parents = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    const status = readOr(`/proc/${name}/status`);
    const parent = /^PPid:\s+(\d+)/m.exec(status)?.[1];
    return parent === undefined ? [] : [{ pid: Number(name), parent: Number(parent) }];
  });
  const tree = [root];
  for (const pid of tree) {
    tree.push(...parents.filter(({ parent }) => parent === pid).map((child) => child.pid));
  }
  return tree;
}

/** Proportional set size: memory shared by processes counts once. */
function memoryBytes(pid: number): number {
  const kib = /^Pss:\s+(\d+)/m.exec(readOr(`/proc/${pid}/smaps_rollup`))?.[1];
  return Number(kib ?? 0) * 1024;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const isAlive = (pid: number) => readOr(`/proc/${pid}/status`) !== "";

test(
  "idle, the whole tree of npm start takes less than 300 MB; SIGTERM to npm ends all of it",
  async () => {
    const { child, ready } = startByNpm();
    const document = await ready;
    const tree = processTree(child.pid ?? 0);
    expect(tree).toEqual(expect.arrayContaining(Object.values(document.pids)));
    const bytes = tree.reduce((sum, pid) => sum + memoryBytes(pid), 0);
    expect(bytes).toBeGreaterThan(50 * MIB);
    expect(bytes).toBeLessThan(300 * MIB);

    const closed = once(child, "close");
    child.kill("SIGTERM");
    await closed;
    await until(() => tree.every((pid) => !isAlive(pid)), 15_000);
  },
  120_000,
);

test("npm killed outright takes everything with it", async () => {
  const { child, ready } = startByNpm();
  await ready;
  const tree = processTree(child.pid ?? 0);
  child.kill("SIGKILL");
  await until(() => tree.every((pid) => !isAlive(pid)), 20_000);
}, 120_000);

test(
  "the demo's key stands in no command line and in no talk, and kill -9 leaves no encoder",
  async () => {
    const sluice = await startSluice({ flags: ["--demo"], dataDirectory, deadlineMs: 90_000 });
    try {
      const { demo, pids, watch } = sluice.ready;
      expect(watch).toBe(`${sluice.ready.api}/watch/${demo?.videoUrl}`);
      const secrets = [demo?.streamKey ?? "", demo?.password ?? ""];
      const tree = processTree(pids["sluice"] ?? 0);
      expect(tree).toContain(pids["demo"]);
      const words =
        tree.flatMap((pid) => [readOr(`/proc/${pid}/cmdline`), readOr(`/proc/${pid}/environ`)])
          .join("") + sluice.talk();
      for (const secret of secrets) {
        expect(secret.length).toBeGreaterThan(15);
        expect(words).not.toContain(secret);
      }
      const encoders = tree.filter((pid) => /(^|\/)ffmpeg\0/.test(readOr(`/proc/${pid}/cmdline`)));
      expect(encoders.length).toBeGreaterThanOrEqual(2);
      await sluice.kill();
      await until(() => encoders.every((pid) => !isAlive(pid)), 5000);
    } finally {
      await sluice.kill();
    }
    // The database's server is left behind by a kill -9; the next start takes its directory over.
    const next = await startSluice({ dataDirectory });
    expect(await next.stop()).toBe(0);
  },
  180_000,
);

test("a stop lets no job fail: its storyboard is there, or made at the next start", async () => {
  const sluice = await startSluice({ flags: ["--demo"], dataDirectory, deadlineMs: 90_000 });
  const playlist = `${sluice.ready.hls}/hls-live/${sluice.ready.demo?.videoUrl}.m3u8`;
  try {
    await until(async () => (await fetch(playlist)).ok, 20_000);
  } finally {
    await sluice.stop();
  }
  expect(sluice.talk()).not.toContain("job.failed");
  const next = await startSluice({ dataDirectory });
  try {
    await until(() => (sluice.talk() + next.talk()).includes("storyboard.ready"), 20_000);
  } finally {
    await next.stop();
  }
}, 180_000);
