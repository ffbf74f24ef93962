/**
 * Viewers who read the parts of the lowest rung: what one of them costs the server. Beside another
 * checkout in turns, so that what else the machine does falls on both.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCpuSeconds } from "../tools/cpu-time.ts";
import { median } from "../tools/median.ts";
import { pinTo } from "../tools/pin.ts";
import { linesOf, type Site, startSite } from "./site.ts";

const PROGRAM = new URL("./reader.program.ts", import.meta.url).pathname;
/** 0.8 Mbit/s at 30 fps. */
const LOW_FRAME_BYTES = 3333;
const HABITS = ["hinted", "listed"] as const;

type Load = { readonly viewers: number; readonly seconds: number; readonly habit: string };
type Turn = {
  /** CPU of the server for one viewer, in ms a second. */
  readonly viewerMs: number;
  readonly requestsPerSecond: number;
  readonly failures: number;
};

export type Readers = {
  readonly habit: string;
  readonly viewerMs: number;
  readonly requestsPerSecond: number;
  readonly failures: number;
  /** The same of the other checkout, and ours as a share of it; null without one. */
  readonly otherMs: number | null;
  readonly ratio: number | null;
};

async function cpuShare(pid: number, work: () => Promise<unknown>): Promise<number> {
  const [beforeS, fromMs] = [await readCpuSeconds(pid) ?? Number.NaN, performance.now()];
  await work();
  const cpuS = (await readCpuSeconds(pid) ?? Number.NaN) - beforeS;
  return cpuS * 1000 / (performance.now() - fromMs);
}

async function measureTurn(site: Site, { viewers, seconds, habit }: Load): Promise<Turn> {
  // What the broadcast itself costs is not what a viewer costs.
  const idleShare = await cpuShare(site.pid, () => Bun.sleep(seconds * 500));
  const url = site.playlist.replace("/high/", "/low/");
  const args = [PROGRAM, url, viewers, seconds, habit].map(String);
  const child = Bun.spawn([...pinTo(1), process.execPath, ...args], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = linesOf(child.stdout);
  await lines.next();
  let counts = { playlists: 0, parts: 0, failures: 0 };
  const share = await cpuShare(site.pid, async () => {
    counts = JSON.parse(await lines.next()) as typeof counts;
  });
  await child.exited;
  return {
    viewerMs: (share - idleShare) * 1000 / viewers,
    requestsPerSecond: (counts.playlists + counts.parts) / seconds,
    failures: counts.failures,
  };
}

function summarise(habit: string, ours: readonly Turn[], others: readonly Turn[]): Readers {
  const viewerMs = median(ours.map((turn) => turn.viewerMs));
  const ratios = ours.flatMap((turn, index) => {
    const other = others[index];
    return other === undefined ? [] : [turn.viewerMs / other.viewerMs];
  });
  return {
    habit,
    viewerMs: Number(viewerMs.toFixed(4)),
    requestsPerSecond: Math.round(median(ours.map((turn) => turn.requestsPerSecond))),
    failures: ours.reduce((sum, { failures }) => sum + failures, 0),
    otherMs: others.length === 0
      ? null
      : Number(median(others.map((turn) => turn.viewerMs)).toFixed(4)),
    ratio: ratios.length === 0 ? null : Number(median(ratios).toFixed(2)),
  };
}

export type ReadersOptions = {
  readonly viewers: number;
  readonly seconds: number;
  readonly repeats: number;
  /** A checkout of other code to measure beside; null: none. */
  readonly against: string | null;
};

export async function measureReaders(options: ReadersOptions): Promise<Readers[]> {
  const { viewers, seconds, repeats, against } = options;
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-viewers-"));
  const site = await startSite(join(directory, "ours"), { frameBytes: LOW_FRAME_BYTES });
  const other = against === null ? null : await startSite(join(directory, "other"), {
    checkout: against,
    frameBytes: LOW_FRAME_BYTES,
  });
  const results: Readers[] = [];
  try {
    for (const habit of HABITS) {
      const turns: { ours: Turn[]; others: Turn[] } = { ours: [], others: [] };
      const load = { viewers, seconds, habit };
      // The first turn of each pays for what is compiled in it.
      for (let turn = 0; turn <= repeats; turn += 1) {
        const theirs = other === null ? null : await measureTurn(other, load);
        const ours = await measureTurn(site, load);
        if (turn === 0) continue;
        turns.ours.push(ours);
        if (theirs !== null) turns.others.push(theirs);
      }
      results.push(summarise(habit, turns.ours, turns.others));
    }
  } finally {
    await site.end();
    await other?.end();
    await rm(directory, { recursive: true, force: true });
  }
  return results;
}
