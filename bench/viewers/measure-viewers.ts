/**
 * Blocking viewers, each on its own connection: how long after a part exists the playlist with it is
 * there.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCpuSeconds } from "../tools/cpu-time.ts";
import { pinTo } from "../tools/pin.ts";
import { startSite } from "./site.ts";

const PROGRAM = new URL("./load.program.ts", import.meta.url).pathname;

type Answers = { viewers: number; failures: number; answersMs: Record<string, number[]> };

export async function measureViewers(viewers: number, seconds: number) {
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-viewers-"));
  const site = await startSite(directory);
  const load = Bun.spawn(
    [
      ...[...pinTo(1), process.execPath, PROGRAM],
      ...[site.playlist, String(viewers), String(seconds)],
    ],
    { stdout: "pipe", stderr: "inherit" },
  );
  // Connecting and reaching the live edge is not what is measured.
  await Bun.sleep(4000);
  const [cpuBefore, atMs] = [await readCpuSeconds(site.pid) ?? Number.NaN, performance.now()];
  const answers = JSON.parse(await new Response(load.stdout).text()) as Answers;
  const cpuS = (await readCpuSeconds(site.pid) ?? Number.NaN) - cpuBefore;
  const cpuShare = cpuS * 1000 / (performance.now() - atMs);
  const { bornAtMs, memoryBytes } = await site.end();
  await rm(directory, { recursive: true, force: true });
  const waitsMs = Object.entries(answers.answersMs).flatMap(([part, timesMs]) => {
    const bornMs = bornAtMs[part];
    return bornMs === undefined ? [] : timesMs.map((timeMs) => timeMs - bornMs);
  }).toSorted((one, other) => one - other);
  const at = (share: number) => waitsMs[Math.floor(waitsMs.length * share)] ?? Number.NaN;
  return {
    viewers: answers.viewers,
    answers: waitsMs.length,
    answersPerSecond: Math.round(waitsMs.length / seconds),
    failures: answers.failures,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: waitsMs.at(-1) ?? Number.NaN,
    cpuShare: Number(cpuShare.toFixed(3)),
    memoryMiB: Math.round(memoryBytes / 2 ** 20),
  };
}
