/**
 * Complete segments and plain playlists beside nginx serving the same bytes from a file.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCpuSeconds } from "../tools/cpu-time.ts";
import { median } from "../tools/median.ts";
import { pinTo } from "../tools/pin.ts";
import { measureUrl } from "../tools/wrk.ts";
import { newestSegment } from "./newest-segment.ts";
import { type FileServer, startFileServer } from "./nginx.ts";
import { type Site, startSite } from "./site.ts";

const CONNECTIONS = 32;
const SLICE_S = 1;
/** Pairs of slices per repeat; every other one begins with nginx. */
const PAIRS = 4;

type Server = { readonly pid: number; readonly url: string };
/** Requests a second, and what one costs the server. */
type Rate = { readonly perSecond: number; readonly cpuUs: number };
type Pair = { readonly ours: Rate; readonly nginx: Rate };
export type Comparison = Pair & { readonly ratio: number };

/** One slice of load; wrk has a core of its own. */
async function measureRate({ pid, url }: Server): Promise<Rate> {
  const cpuBeforeS = await readCpuSeconds(pid) ?? Number.NaN;
  const load = { url, connections: CONNECTIONS, seconds: SLICE_S };
  const { requests, requestsPerSecond } = await measureUrl(load);
  const cpuS = (await readCpuSeconds(pid) ?? Number.NaN) - cpuBeforeS;
  return { perSecond: requestsPerSecond, cpuUs: cpuS * 1e6 / requests };
}

/** What else the machine does falls on both, because they take short turns. */
async function measurePairs(ours: Server, nginx: Server): Promise<Pair[]> {
  const pairs: Pair[] = [];
  // What has been compiled by then is not paid for in the first turn.
  await measureRate(ours);
  for (let pair = 0; pair < PAIRS; pair += 1) {
    const early = pair % 2 === 1 ? await measureRate(nginx) : null;
    const rate = await measureRate(ours);
    pairs.push({ ours: rate, nginx: early ?? await measureRate(nginx) });
  }
  return pairs;
}

/** The ratio is the median of the pairs' own. */
function compare(pairs: readonly Pair[]): Comparison {
  const middle = (rates: readonly Rate[]) => ({
    perSecond: Math.round(median(rates.map(({ perSecond }) => perSecond))),
    cpuUs: Math.round(median(rates.map(({ cpuUs }) => cpuUs))),
  });
  const ratios = pairs.map(({ ours, nginx }) => ours.perSecond / nginx.perSecond);
  return {
    ours: middle(pairs.map(({ ours }) => ours)),
    nginx: middle(pairs.map(({ nginx }) => nginx)),
    ratio: Number(median(ratios).toFixed(2)),
  };
}

async function readFile(site: Site, kind: "segment" | "playlist") {
  const name = kind === "playlist" ? "index.m3u8" : (await newestSegment(site)).uri;
  const body = new Uint8Array(await (await fetch(`${site.base}/${name}`)).arrayBuffer());
  return { name, body };
}

async function measureRepeats(site: Site, nginx: FileServer, repeats: number) {
  const segment: Pair[] = [];
  const playlist: Pair[] = [];
  let segmentBytes = 0;
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (const [kind, pairs] of [["segment", segment], ["playlist", playlist]] as const) {
      const { name, body } = await readFile(site, kind);
      if (kind === "segment") segmentBytes = body.length;
      // nginx keeps a file open: another content needs another name.
      const copy = `${repeat}-${name}`;
      await writeFile(join(nginx.root, copy), body);
      const ours = { pid: site.pid, url: `${site.base}/${name}` };
      pairs.push(...await measurePairs(ours, { pid: nginx.pid, url: `${nginx.url}/${copy}` }));
    }
  }
  return { segmentBytes, segment: compare(segment), playlist: compare(playlist) };
}

export async function measureFiles(repeats: number) {
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-viewers-"));
  const nginx = await startFileServer(pinTo(0));
  if (nginx === null) throw new Error("nginx is not installed");
  const site = await startSite(directory);
  try {
    return await measureRepeats(site, nginx, repeats);
  } finally {
    await site.end();
    await nginx.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
