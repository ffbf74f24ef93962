#!/usr/bin/env bun
/**
 * What a broadcast costs: processor time of our media node with everything it runs, beside bare
 * ffmpeg that encodes the same ladder to nowhere.
 *
 *   bun bench/ladder/main.ts [--copy] [--seconds=15] [--repeats=3] [--json]
 *
 * 720p30, the default ladder, in turns; the ratio is the median of the turns' own. With `--copy` the node's own two ways are compared:
 * every rung encoded, and the best one copied beside the others. Exit code 1 when a goal is missed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { LadderPolicy } from "#shared/contracts/broadcast.ts";
import { readCpuSeconds, readTreeCpuSeconds } from "../tools/cpu-time.ts";
import { median } from "../tools/median.ts";
import { readMemoryBytes } from "../tools/process-tree.ts";
import { recordSource, startBareFfmpeg, startNode, startPackager } from "./site.ts";

const GOALS = { bare: 1.05, copy: 0.6, packagerShare: 0.03, memoryMiB: 60 };
/** The runtime goes on compiling what is hot for a while; a broadcast lasts for hours. */
const WARM_UP_MS = 15_000;

type Cost = {
  /** Of one core, everything together. */
  readonly share: number;
  /** The same without ffmpeg: ingest, packager, recording, playback. */
  readonly nodeShare: number;
  /** What the broadcast added outside ffmpeg. */
  readonly memoryMiB: number;
};

async function measureShares(pid: number, seconds: number): Promise<[number, number]> {
  const read = async () => [await readTreeCpuSeconds(pid), await readCpuSeconds(pid) ?? Number.NaN];
  const [treeBefore = 0, ownBefore = 0] = await read();
  const startedMs = performance.now();
  await Bun.sleep(seconds * 1000);
  const [tree = 0, own = 0] = await read();
  const elapsedS = (performance.now() - startedMs) / 1000;
  return [(tree - treeBefore) / elapsedS, (own - ownBefore) / elapsedS];
}

async function measureNode(file: string, policy: LadderPolicy, seconds: number): Promise<Cost> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-ladder-"));
  const node = await startNode({ directory, policy });
  try {
    await Bun.sleep(1000);
    const idleBytes = await readMemoryBytes(node.pid);
    const broadcast = await node.publish(file);
    try {
      await Bun.sleep(WARM_UP_MS);
      const [share, nodeShare] = await measureShares(node.pid, seconds);
      const memoryMiB = (await readMemoryBytes(node.pid) - idleBytes) / 2 ** 20;
      const isCopied = broadcast.copies().length > 0;
      if (isCopied !== (policy !== "encode")) {
        throw new Error(`policy ${policy}: copied ${broadcast.copies().join(", ") || "nothing"}`);
      }
      return { share, nodeShare, memoryMiB };
    } finally {
      await broadcast.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureBare(file: string, seconds: number): Promise<Cost> {
  const ffmpeg = startBareFfmpeg(file);
  try {
    await Bun.sleep(WARM_UP_MS);
    const [share] = await measureShares(ffmpeg.pid, seconds);
    return { share, nodeShare: 0, memoryMiB: 0 };
  } finally {
    await ffmpeg.stop();
  }
}

/** Three rungs of synthetic media through packager and playback alone, without a viewer. */
async function measurePackager(seconds: number): Promise<number> {
  const packager = await startPackager();
  try {
    await Bun.sleep(WARM_UP_MS);
    const [share] = await measureShares(packager.pid, seconds);
    return share;
  } finally {
    await packager.stop();
  }
}

type Way = { readonly name: string; readonly measure: () => Promise<Cost> };
type Turns = { readonly ours: Cost; readonly theirs: Cost; readonly ratio: number };

/** What else the machine does falls on both of a turn, so each turn has a ratio of its own. */
async function measureInTurns(ways: readonly [Way, Way], repeats: number): Promise<Turns> {
  const costs: [Cost[], Cost[]] = [[], []];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (let turn = 0; turn < ways.length; turn += 1) {
      const index = (turn + repeat) % ways.length;
      const way = ways[index];
      if (way === undefined) continue;
      const cost = await way.measure();
      console.error(
        `  ${way.name}: ${percent(cost.share)} of a core, node ${percent(cost.nodeShare)}`,
      );
      costs[index]?.push(cost);
    }
  }
  const [ours, theirs] = costs;
  const ratios = ours.map(({ share }, turn) => share / (theirs[turn]?.share ?? Number.NaN));
  return { ours: middleOf(ours), theirs: middleOf(theirs), ratio: median(ratios) };
}

function middleOf(costs: readonly Cost[]): Cost {
  return {
    share: median(costs.map(({ share }) => share)),
    nodeShare: median(costs.map(({ nodeShare }) => nodeShare)),
    memoryMiB: median(costs.map(({ memoryMiB }) => memoryMiB)),
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      copy: { type: "boolean", default: false },
      seconds: { type: "string", default: "15" },
      repeats: { type: "string", default: "3" },
      json: { type: "boolean", default: false },
    },
  });
  const [seconds, repeats] = [Number(values.seconds), Number(values.repeats)];
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-source-"));
  try {
    const file = await recordSource(directory);
    const encoded = {
      name: "sluice, encoded",
      measure: () => measureNode(file, "encode", seconds),
    };
    const other = values.copy
      ? { name: "sluice, copy rung", measure: () => measureNode(file, "auto", seconds) }
      : { name: "bare ffmpeg", measure: () => measureBare(file, seconds) };
    const turns = await measureInTurns([encoded, other], repeats);
    const packagerShare = await measurePackager(seconds);
    return print({
      ...turns,
      packagerShare,
      other: other.name,
      isCopy: values.copy,
      json: values.json,
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

type Result = Turns & {
  readonly packagerShare: number;
  readonly other: string;
  readonly isCopy: boolean;
  readonly json: boolean;
};

function print(result: Result): number {
  const { packagerShare, ours, theirs, other, isCopy, json } = result;
  const ratio = isCopy ? 1 / result.ratio : result.ratio;
  const goal = isCopy ? GOALS.copy : GOALS.bare;
  const verdicts = [
    { isGood: ratio <= goal, text: `ratio ${ratio.toFixed(3)} (goal ${goal})` },
    {
      isGood: packagerShare <= GOALS.packagerShare,
      text: `packager and playback ${percent(packagerShare)} of a core (goal ${
        percent(GOALS.packagerShare)
      })`,
    },
    {
      isGood: ours.memoryMiB <= GOALS.memoryMiB,
      text: `memory ${ours.memoryMiB.toFixed(0)} MiB outside ffmpeg (goal ${GOALS.memoryMiB})`,
    },
  ];
  if (json) {
    const figures = { packagerShare, ours, other, theirs, ratio };
    console.log(JSON.stringify({ goals: GOALS, ...figures }));
  } else {
    const node = `of it ${percent(ours.nodeShare)} outside ffmpeg`;
    const them = `${other} ${percent(theirs.share)}`;
    console.log(`sluice, encoded ${percent(ours.share)} of a core, ${node}; ${them}`);
    for (const { isGood, text } of verdicts) console.log(`${isGood ? "✓" : "✗"} ${text}`);
  }
  return verdicts.every(({ isGood }) => isGood) ? 0 : 1;
}

process.exit(await main());
