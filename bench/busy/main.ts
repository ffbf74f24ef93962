#!/usr/bin/env bun
/**
 * The API and the ladder on a machine that others keep busy.
 *
 *   bun bench/busy/main.ts [--seconds=20] [--rounds=3] [--loops=4] [--shared] [--against=<checkout>]
 *
 * `sluice dev` with the default ladder of a 720p30 source, beside loops that never rest, at the same
 * niceness; each in a session of its own as other programs are, or (`--shared`) in ours. The 99th
 * percentile of API requests from another process, and how far behind each rendition is. In turns
 * with another checkout, when one is named.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { callApi, createUser } from "#test/helpers/api-client.ts";
import { startSluice } from "#test/helpers/sluice.ts";
import { readRenditions } from "#test/helpers/publish.ts";
import { until } from "#test/helpers/until.ts";
import { publishFile, recordSource } from "../ladder/site.ts";
import { median } from "../tools/median.ts";

const REQUESTS = new URL("./requests.program.ts", import.meta.url).pathname;
const PER_SECOND = 20;
const LAG_EVERY_MS = 250;
const WARM_UP_MS = 8000;
const PATIENCE_MS = 30_000;
const GOAL_P99_MS = 25;
const NAME = "busy";

type Figures = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How far the live edge is behind the clock, by rendition: median and worst. */
  readonly lags: Readonly<Record<string, { readonly p50S: number; readonly maxS: number }>>;
  readonly issues: readonly string[];
};

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    rounds: { type: "string", default: "3" },
    loops: { type: "string", default: "4" },
    shared: { type: "boolean", default: false },
    against: { type: "string" },
  },
});

const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

/** Programs that take whatever processor time they are given. */
function startLoops(count: number) {
  const loops = Array.from(
    { length: count },
    () => Bun.spawn(["sh", "-c", "while :; do :; done"], { detached: !flags.shared }),
  );
  return () => {
    for (const loop of loops) loop.kill("SIGKILL");
  };
}

/** Samples how far each rendition is behind until `signal` aborts. */
async function watchLags(playbackUrl: string, signal: AbortSignal) {
  const urls = Object.entries(await readRenditions(playbackUrl));
  const lagsS = new Map<string, number[]>(urls.map(([name]) => [name, []]));
  while (!signal.aborted) {
    for (const [name, url] of urls) {
      const { segments, openParts, openHead } = readMediaPlaylist(await (await fetch(url)).text());
      const last = segments.at(-1);
      const fromMs = openHead.wallClockMs ?? last?.wallClockMs ?? Number.NaN;
      const parts = openHead.wallClockMs === null ? [last ?? { durationS: 0 }] : openParts;
      const endMs = fromMs + 1000 * parts.reduce((sum, { durationS }) => sum + durationS, 0);
      lagsS.get(name)?.push((Date.now() - endMs) / 1000);
    }
    await Bun.sleep(LAG_EVERY_MS);
  }
  return Object.fromEntries(
    [...lagsS].map(([name, all]) => [name, { p50S: median(all), maxS: Math.max(...all) }]),
  );
}

/** The asker is not what is measured: it goes first, where that is allowed. */
function askerPrefix(): readonly string[] {
  const chrt = Bun.which("chrt");
  return chrt !== null && process.getuid?.() === 0 ? [chrt, "--fifo", "1"] : [];
}

async function measureRound(file: string, checkout: string | undefined): Promise<Figures> {
  const sluice = await startSluice(checkout === undefined ? {} : { checkout });
  const { api, rtmp } = sluice.ready;
  try {
    const user = await createUser(api, NAME);
    await user.call("POST", "/user/channel");
    await user.call("PATCH", "/user/channel", { ladder: "encode" });
    const channel = await user.call<{ streamKey: string }>("GET", "/user/channel");
    const body = { title: "Busy" };
    const video = await user.call<{ playbackUrl: string }>("POST", "/user/channel/videos", body);
    const { playbackUrl } = video.body;
    const publisher = publishFile(file, `${rtmp}/${channel.body.streamKey}`);
    await until(async () => (await fetch(`${playbackUrl}?wait=YES`)).ok, PATIENCE_MS);
    const stopLoops = startLoops(Number(flags.loops));
    await Bun.sleep(WARM_UP_MS);
    const login = await callApi<{ accessToken: string }>(api, "POST", "/auth/login", {
      body: { username: NAME, password: `${NAME}-password` },
    });
    const stop = new AbortController();
    const lags = watchLags(playbackUrl, stop.signal);
    const url = new URL("/user/channel", api).href;
    const asker = Bun.spawn([
      ...[...askerPrefix(), process.execPath, REQUESTS, url, login.body.accessToken],
      ...[flags.seconds, String(PER_SECOND)],
    ], { stdout: "pipe", stderr: "inherit" });
    const tookMs = JSON.parse(await new Response(asker.stdout).text()) as number[];
    stop.abort();
    const issues = sluice.talk().match(/"code":"[A-Z_]+"/g) ?? [];
    const figures = {
      p50Ms: quantile(tookMs, 0.5),
      p99Ms: quantile(tookMs, 0.99),
      lags: await lags,
      issues: [...new Set(issues)],
    };
    stopLoops();
    publisher.kill();
    return figures;
  } finally {
    await sluice.stop();
  }
}

function describe(rounds: readonly Figures[]): string {
  const middle = (pick: (figures: Figures) => number) => median(rounds.map(pick));
  const each = rounds.map(({ p99Ms }) => p99Ms.toFixed(0)).join(" ");
  const lags = Object.keys(rounds[0]?.lags ?? {}).map((name) => {
    const p50S = middle(({ lags: of }) => of[name]?.p50S ?? Number.NaN);
    const maxS = middle(({ lags: of }) => of[name]?.maxS ?? Number.NaN);
    return `${name} ${p50S.toFixed(2)} s (worst ${maxS.toFixed(2)})`;
  });
  const issues = rounds.flatMap((round) => round.issues);
  return `API p50 ${middle(({ p50Ms }) => p50Ms).toFixed(1)} ms, ` +
    `p99 ${middle(({ p99Ms }) => p99Ms).toFixed(1)} ms (${each}; goal ${GOAL_P99_MS}); ` +
    `behind: ${lags.join(", ")}; issues ${issues.length === 0 ? "none" : issues.join(" ")}`;
}

const directory = await mkdtemp(join(tmpdir(), "sluice-bench-busy-"));
try {
  const file = await recordSource(directory);
  const [ours, others]: [Figures[], Figures[]] = [[], []];
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    if (flags.against !== undefined) others.push(await measureRound(file, flags.against));
    ours.push(await measureRound(file, undefined));
  }
  console.log(`here: ${describe(ours)}`);
  if (others.length > 0) {
    const p99 = (rounds: readonly Figures[]) => median(rounds.map(({ p99Ms }) => p99Ms));
    console.log(`there: ${describe(others)}`);
    console.log(`ratio of the p99: ${(p99(ours) / p99(others)).toFixed(2)}`);
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
