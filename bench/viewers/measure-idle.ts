/**
 * Viewers who ask for a segment and read none of it, beside one who reads: how long that one waits.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import { median } from "../tools/median.ts";
import { measureUrl } from "../tools/wrk.ts";
import { newestSegment } from "./newest-segment.ts";
import { type Site, startSite } from "./site.ts";

const SLICE_S = 1;
const SETTLE_MS = 1000;
/** A listener's queue is short. */
const CONNECTING = 100;

/** The 99th percentile of `url`, asked for again and again at one connection, in ms. */
async function measureP99Ms(url: string): Promise<number> {
  return (await measureUrl({ url, connections: 1, seconds: SLICE_S })).p99Ms;
}

/** Connections that ask for `url` and take nothing. */
async function connectIdle(url: URL, count: number): Promise<Socket[]> {
  const head = `GET ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\nuser-agent: idle\r\n\r\n`;
  const connect = async () => {
    const socket = await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port),
      socket: { data: () => {} },
    });
    socket.pause();
    socket.write(head);
    return socket;
  };
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Math.min(CONNECTING, count - sockets.length);
    sockets.push(...await Promise.all(Array.from({ length: batch }, connect)));
  }
  return sockets;
}

async function measureTurn(site: Site, idle: number) {
  const url = `${site.base}/${(await newestSegment(site)).uri}`;
  const aloneMs = await measureP99Ms(url);
  const sockets = await connectIdle(new URL(url), idle);
  // Answering 500 at once is work as any other; having them is what is measured.
  await Bun.sleep(SETTLE_MS);
  const besideMs = await measureP99Ms(url);
  for (const socket of sockets) socket.terminate();
  return { aloneMs, besideMs };
}

/** In turns, alone and beside `idle` viewers; the ratio is the median of the turns' own. */
export async function measureIdle(idle: number, repeats: number) {
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-viewers-"));
  const site = await startSite(directory);
  const turns: { aloneMs: number; besideMs: number }[] = [];
  try {
    for (let turn = 0; turn < repeats; turn += 1) turns.push(await measureTurn(site, idle));
  } finally {
    await site.end();
    await rm(directory, { recursive: true, force: true });
  }
  return {
    idle,
    aloneMs: Number(median(turns.map(({ aloneMs }) => aloneMs)).toFixed(2)),
    besideMs: Number(median(turns.map(({ besideMs }) => besideMs)).toFixed(2)),
    ratio: Number(median(turns.map((turn) => turn.besideMs / turn.aloneMs)).toFixed(2)),
  };
}
