/**
 * From lens to eye: how old a picture is when an ordinary browser shows it.
 *
 *   bun bench/latency/main.ts [--seconds 20 | --minutes 10] [--modes low,lowest,real-time,nginx]
 *     [--keyframes 60]
 *
 * A clock is drawn into 720p30 frames with a keyframe every 2 s (or so many frames) and published over
 * RTMP; the page's script reads it off each frame Chromium shows. One mode after the other, on one
 * machine and clock, each once it has played for ten seconds without stopping.
 */
import { parseArgs } from "node:util";
import type { Browser, Page } from "playwright-core";
import { createUser, type TestUser } from "#test/helpers/api-client.ts";
import { launchChromium } from "#test/helpers/chromium.ts";
import { type RunningSluice, startSluice } from "#test/helpers/sluice.ts";
import { until } from "#test/helpers/until.ts";
import { startNginxPeer } from "./nginx-peer.ts";
import { publishClock } from "./publish-clock.ts";
import { installProbe, type ProbeResult, readProbe, resetProbe } from "./page-probe.ts";

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    minutes: { type: "string" },
    modes: { type: "string", default: "low,lowest,real-time,nginx" },
    keyframes: { type: "string", default: "60" },
  },
});
const MEASURE_MS = flags.minutes === undefined
  ? Number(flags.seconds) * 1000
  : Number(flags.minutes) * 60_000;
/** What a player does until it has found its distance is not measured: it has played for so long. */
const CALM_MS = 10_000;
const MAX_SETTLE_MS = 60_000;
/** So long a viewer has waited when the broadcast starts: their page is there. */
const WAITED_MS = 2000;
const JOINED_MS = 3000;
const JOIN_WINDOW_MS = 3000;
const PATIENCE_MS = 60_000;

type Figures = {
  readonly mode: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly frames: number;
  readonly stalls: number;
  /** From the first frame taken to the first frame shown to a viewer who waited; null: not measured. */
  readonly firstFrameMs: number | null;
  /** From opening the page of a running broadcast to its first frame. */
  readonly openMs: number | null;
  /** Median of a late joiner from its fourth second on. */
  readonly joinedP50Ms: number | null;
};

async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await installProbe(page);
  await page.goto(url);
  return page;
}

const untilPicture = (page: Page) =>
  until(async () => (await readProbe(page)).firstFrameAtMs, PATIENCE_MS);

/** Waits until the picture has not stopped for a while: who is too close to live moves away at stalls. */
async function settle(page: Page): Promise<void> {
  const endMs = performance.now() + MAX_SETTLE_MS;
  do {
    await resetProbe(page);
    await Bun.sleep(CALM_MS);
  } while ((await readProbe(page)).stalls > 0 && performance.now() < endMs);
}

/** Watches for the time that was asked for, once the player has settled. */
async function watch(page: Page): Promise<ProbeResult> {
  await settle(page);
  await resetProbe(page);
  await Bun.sleep(MEASURE_MS);
  return await readProbe(page);
}

async function joinLate(browser: Browser, url: string) {
  const page = await openPage(browser, url);
  const firstAtMs = await untilPicture(page);
  await Bun.sleep(JOINED_MS);
  await resetProbe(page);
  await Bun.sleep(JOIN_WINDOW_MS);
  const probe = await readProbe(page);
  return { page, openMs: firstAtMs - probe.openedAtMs, joinedP50Ms: quantile(probe, 0.5) };
}

function quantile({ frames }: ProbeResult, share: number): number {
  const sorted = frames.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function summarise(mode: string, probe: ProbeResult, rest: Partial<Figures> = {}): Figures {
  if (probe.unreadable > probe.frames.length / 100) {
    throw new Error(`${mode}: ${probe.unreadable} clocks could not be read`);
  }
  return {
    mode,
    p50Ms: quantile(probe, 0.5),
    p99Ms: quantile(probe, 0.99),
    frames: probe.frames.length,
    stalls: probe.stalls,
    firstFrameMs: null,
    openMs: null,
    joinedP50Ms: null,
    ...rest,
  };
}

type Target = { readonly mode: string; readonly publishUrl: string; readonly watchUrl: string };

/** A viewer who waits for the start, one who joins late, and, when asked for, real time. */
async function measure(browser: Browser, target: Target, isRealTime: boolean): Promise<Figures[]> {
  const waiting = await openPage(browser, target.watchUrl);
  await Bun.sleep(WAITED_MS);
  const publisher = await publishClock(target.publishUrl, Number(flags.keyframes));
  try {
    const firstFrameMs = await untilPicture(waiting) - publisher.firstFrameAtMs;
    const probe = await watch(waiting);
    await waiting.close();
    const { page, ...joined } = await joinLate(browser, target.watchUrl);
    const figures = [summarise(target.mode, probe, { firstFrameMs, ...joined })];
    if (isRealTime) {
      await page.getByRole("button", { name: "Real time" }).click();
      figures.push(summarise("real-time", await watch(page)));
    }
    await page.close();
    return figures;
  } finally {
    await publisher.stop();
  }
}

async function prepare(sluice: RunningSluice, user: TestUser, latency: string): Promise<Target> {
  await user.call("PATCH", "/user/channel", { latency });
  const channel = await user.call<{ streamKey: string }>("GET", "/user/channel");
  const video = await user.call<{ url: string }>("POST", "/user/channel/videos", {
    title: `Clock ${latency}`,
  });
  return {
    mode: latency,
    publishUrl: `${sluice.ready.rtmp}/${channel.body.streamKey}`,
    watchUrl: new URL(`/watch/${video.body.url}`, sluice.ready.api).href,
  };
}

async function measureSluice(browser: Browser, modes: readonly string[]): Promise<Figures[]> {
  const latencies = ["low", "lowest", "standard"].filter((mode) => modes.includes(mode));
  if (modes.includes("real-time") && latencies.length === 0) latencies.push("low");
  if (latencies.length === 0) return [];
  const sluice = await startSluice();
  try {
    const user = await createUser(sluice.ready.api, "clock");
    await user.call("POST", "/user/channel");
    const figures: Figures[] = [];
    for (const [index, latency] of latencies.entries()) {
      const target = await prepare(sluice, user, latency);
      const isRealTime = modes.includes("real-time") && index === 0;
      figures.push(...await measure(browser, target, isRealTime));
    }
    return figures;
  } finally {
    await sluice.stop();
  }
}

async function measureNginx(browser: Browser): Promise<Figures[]> {
  const peer = await startNginxPeer();
  try {
    return await measure(browser, { mode: "nginx-rtmp + HLS 2 s", ...peer }, false);
  } finally {
    await peer.stop();
  }
}

const seconds = (ms: number | null) => ms === null ? "-" : `${(ms / 1000).toFixed(2)} s`;

function ratio(theirsMs: number | null, oursMs: number | null): string {
  return theirsMs === null || oursMs === null ? "-" : (theirsMs / oursMs).toFixed(1);
}

function print(figures: readonly Figures[]): void {
  const rows = [
    ["mode", "p50", "p99", "stalls", "frames", "publish→picture", "open→picture", "joined p50"],
    ...figures.map((row) => [
      row.mode,
      seconds(row.p50Ms),
      seconds(row.p99Ms),
      String(row.stalls),
      String(row.frames),
      seconds(row.firstFrameMs),
      seconds(row.openMs),
      seconds(row.joinedP50Ms),
    ]),
  ];
  for (const row of rows) {
    console.log(row.map((cell, at) => cell.padEnd(at === 0 ? 22 : 16)).join(""));
  }
  const peer = figures.find(({ mode }) => mode.startsWith("nginx"));
  for (const row of figures) {
    if (peer === undefined || row === peer) continue;
    console.log(
      `${row.mode}: ${ratio(peer.p50Ms, row.p50Ms)} × lower than ${peer.mode}, ` +
        `for late joiners ${ratio(peer.joinedP50Ms, row.joinedP50Ms)} ×`,
    );
  }
  console.log(
    "goals: low p50 1.3 s, p99 1.8 s; lowest p50 1.0 s; real-time 0.4 s; publish→picture 1.5 s; open→picture 1 s; 3 × lower",
  );
}

const modes = flags.modes.split(",");
const browser = await launchChromium();
try {
  const ours = await measureSluice(browser, modes);
  print([...ours, ...(modes.includes("nginx") ? await measureNginx(browser) : [])]);
} finally {
  await browser.close();
}
