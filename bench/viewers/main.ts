#!/usr/bin/env bun
/**
 * Viewers of one broadcast on one core.
 *
 *   bun bench/viewers/main.ts [--viewers=3000] [--seconds=10] [--repeats=3] [--json]
 *
 * First blocking viewers, each on its own connection: how long after a part exists the playlist
 * with it is there. Then complete segments beside nginx serving the same bytes from a file, in
 * turns. The server has one core, the load the other (where there is `taskset`). Exit code 1 when a
 * goal is missed.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { readCpuSeconds } from "../tools/cpu-time.ts";
import { median } from "../tools/median.ts";
import { pinTo } from "../tools/pin.ts";
import { startFileServer } from "./nginx.ts";

const GOALS = { p99Ms: 100, segmentRatio: 0.8 };
const PROGRAM = (name: string) => new URL(`./${name}.program.ts`, import.meta.url).pathname;
const WRK_CONNECTIONS = 32;
const WRK_SECONDS = 4;

type Site = {
  readonly pid: number;
  readonly playlist: string;
  readonly base: string;
  readonly end: () => Promise<{ bornAtMs: Record<string, number>; memoryBytes: number }>;
};

async function startSite(directory: string): Promise<Site> {
  const child = Bun.spawn([...pinTo(0), process.execPath, PROGRAM("site"), directory], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = linesOf(child.stdout);
  const { playlist, base } = JSON.parse(await lines.next()) as Pick<Site, "playlist" | "base">;
  const end = async () => {
    void child.stdin.write("end\n");
    await child.stdin.flush();
    const facts = JSON.parse(await lines.next()) as Awaited<ReturnType<Site["end"]>>;
    await child.exited;
    return facts;
  };
  return { pid: child.pid, playlist, base, end };
}

function linesOf(stream: ReadableStream<Uint8Array>): { next: () => Promise<string> } {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const next = async () => {
    for (;;) {
      const end = text.indexOf("\n");
      if (end !== -1) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        return line;
      }
      const { done, value } = await reader.read();
      if (done) throw new Error(`ended after ${JSON.stringify(text)}`);
      text += decoder.decode(value, { stream: true });
    }
  };
  return { next };
}

type Answers = { viewers: number; failures: number; answersMs: Record<string, number[]> };

async function measureViewers(viewers: number, seconds: number) {
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-viewers-"));
  const site = await startSite(directory);
  const load = Bun.spawn(
    [
      ...[...pinTo(1), process.execPath, PROGRAM("load")],
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

/** Requests a second for one URL; wrk has a core of its own. */
async function measureRequests(url: string): Promise<number> {
  const wrk = Bun.which("wrk");
  if (wrk === null) throw new Error("wrk is not installed");
  const flags = ["-t1", `-c${WRK_CONNECTIONS}`, `-d${WRK_SECONDS}s`];
  const child = Bun.spawn([...pinTo(1), wrk, ...flags, url], { stdout: "pipe" });
  const text = await new Response(child.stdout).text();
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(text);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
}

async function measureSegments(repeats: number) {
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-viewers-"));
  const nginx = await startFileServer(pinTo(0));
  if (nginx === null) throw new Error("nginx is not installed");
  const site = await startSite(directory);
  const kinds = ["segment", "playlist"] as const;
  const rates = { segment: pairOfLists(), playlist: pairOfLists() };
  let bytes = 0;
  try {
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      for (const kind of kinds) {
        // The newest segment: the window moves on.
        const text = await (await fetch(site.playlist)).text();
        const segment = readMediaPlaylist(text).segments.at(-1);
        const file = kind === "playlist" ? "index.m3u8" : segment?.uri ?? "";
        const ours = `${site.base}/${file}`;
        const body = new Uint8Array(await (await fetch(ours)).arrayBuffer());
        if (kind === "segment") bytes = body.length;
        await writeFile(join(nginx.root, file), body);
        rates[kind].ours.push(await measureRequests(ours));
        rates[kind].nginx.push(await measureRequests(`${nginx.url}/${file}`));
      }
    }
  } finally {
    await site.end();
    await nginx.stop();
    await rm(directory, { recursive: true, force: true });
  }
  const describe = ({ ours, nginx }: ReturnType<typeof pairOfLists>) => ({
    oursPerSecond: Math.round(median(ours)),
    nginxPerSecond: Math.round(median(nginx)),
    ratio: Number((median(ours) / median(nginx)).toFixed(2)),
  });
  return {
    segmentBytes: bytes,
    segment: describe(rates.segment),
    playlist: describe(rates.playlist),
  };
}

function pairOfLists(): { ours: number[]; nginx: number[] } {
  return { ours: [], nginx: [] };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      viewers: { type: "string", default: "3000" },
      seconds: { type: "string", default: "10" },
      repeats: { type: "string", default: "3" },
      json: { type: "boolean", default: false },
    },
  });
  const viewers = await measureViewers(Number(values.viewers), Number(values.seconds));
  const files = await measureSegments(Number(values.repeats));
  const areViewersGood = viewers.p99Ms <= GOALS.p99Ms && viewers.failures === 0;
  const areSegmentsGood = files.segment.ratio >= GOALS.segmentRatio;
  if (values.json) console.log(JSON.stringify({ goals: GOALS, viewers, ...files }));
  else {
    const { p50Ms, p99Ms, maxMs, cpuShare, answersPerSecond, failures, memoryMiB } = viewers;
    console.log(
      `${
        areViewersGood ? "✓" : "✗"
      } ${viewers.viewers} blocking viewers: playlist p50 ${p50Ms} ms, ` +
        `p99 ${p99Ms} ms (goal ${GOALS.p99Ms}), max ${maxMs} ms after the part exists; ` +
        `${answersPerSecond} answers/s, ${failures} failed, ` +
        `${(cpuShare * 100).toFixed(0)} % of a core, ${memoryMiB} MiB`,
    );
    for (const kind of ["segment", "playlist"] as const) {
      const { oursPerSecond, nginxPerSecond, ratio } = files[kind];
      const goal = kind === "segment" ? ` (goal ${GOALS.segmentRatio})` : "";
      const mark = kind === "playlist" ? "·" : areSegmentsGood ? "✓" : "✗";
      console.log(
        `${mark} ${kind}: ${oursPerSecond}/s, nginx ${nginxPerSecond}/s, ratio ${ratio}${goal}`,
      );
    }
  }
  return areViewersGood && areSegmentsGood ? 0 : 1;
}

process.exit(await main());
