/**
 * The players people have, on one live broadcast and on its recording: hls.js with and without low
 * latency, Shaka, ffmpeg, VLC and GStreamer. On the way the publisher comes back from another encoder:
 * there is a discontinuity, and another picture size behind it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as HlsParser from "hls-parser";
import type HlsJs from "hls.js";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkMultivariant } from "#shared/hls/check-multivariant.ts";
import { checkMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { newVideoUrl } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { LiveRegistry } from "#media-node/packager/live-registry.ts";
import { createPackager } from "#media-node/packager/packager.ts";
import { createPlaybackServer } from "#media-node/playback/server.ts";
import { createRecorder } from "#media-node/recorder/recorder.ts";
import { launchChromium } from "#test/helpers/chromium.ts";
import { feed, recordMedia } from "#test/helpers/media-source.ts";
import { mediaPlaylistsOf } from "#test/helpers/media-node.ts";
import { type Played, playInFfmpeg, playInGStreamer, playInVlc } from "#test/helpers/players.ts";
import { until } from "#test/helpers/until.ts";

const HLS_JS = fileURLToPath(import.meta.resolve("hls.js/dist/hls.min.js"));
const SHAKA = fileURLToPath(import.meta.resolve("shaka-player/dist/shaka-player.compiled.js"));
/** One turn of the media that is fed over and over. */
const LOOP_S = 6;
/** What a recording is played for: beyond its first turn. */
const ACROSS_S = LOOP_S + 1.5;
const RUNGS = ["low", "high"] as const;

const releases: (() => unknown)[] = [];
let browser: Browser;
let url: string;
let endBroadcast: () => Promise<unknown>;

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-players-"));
  releases.push(() => rm(directory, { recursive: true, force: true }));
  const storage = createFileStorage({ directory });
  const recorder = createRecorder({ storage, nodeId: "test", log: silentLogger });
  releases.push(() => recorder.stop());
  const live = new LiveRegistry();
  const options = { host: "127.0.0.1", port: 0, storage, live, log: silentLogger };
  const server = createPlaybackServer(options);
  await server.start();
  releases.push(() => server.stop());
  browser = await launchChromium();
  releases.push(() => browser.close());
  const videoUrl = newVideoUrl();
  url = `http://127.0.0.1:${server.port}/hls-live/${videoUrl}.m3u8`;
  endBroadcast = await startBroadcast(videoUrl, { live, recorder, log: silentLogger });
});

afterAll(async () => {
  await endBroadcast();
  for (const release of releases.toReversed()) await release();
});

/** Feeds real media in real time, without end; after the first turn it is another encoder's. */
async function startBroadcast(videoUrl: string, deps: Parameters<typeof createPackager>[1]) {
  const before = await recordMedia({ size: "320x180", seconds: LOOP_S });
  const after = await recordMedia({ size: "480x270", seconds: LOOP_S });
  const rung = { width: 320, height: 180, isCopy: false };
  const packager = createPackager({
    videoUrl,
    epoch: 1,
    rungs: [
      { ...rung, name: "low", videoBitrateBps: 5e5 },
      { ...rung, name: "high", videoBitrateBps: 9e5 },
    ],
    wallClockAtZeroMs: Date.now(),
    segmentTargetMs: 2000,
    partTargetMs: 340,
    hasVideo: true,
    hasAudio: true,
  }, deps);
  const startedMs = performance.now();
  let [turn, next] = [0, 0];
  const push = () => {
    const events = turn === 0 ? before : after;
    const nowMs = performance.now() - startedMs - turn * LOOP_S * 1000;
    const due = events.findIndex(({ dtsMs }, index) => index >= next && dtsMs > nowMs);
    const until = due === -1 ? events.length : due;
    feed(packager, events.slice(next, until).map((event) => shift(event, turn)), RUNGS);
    next = until;
    if (next < events.length) return;
    if (turn === 0) packager.markDiscontinuity();
    [turn, next] = [turn + 1, 0];
  };
  const pump = setInterval(push, 15);
  return () => {
    clearInterval(pump);
    return packager.end();
  };
}

type MediaEvent = Awaited<ReturnType<typeof recordMedia>>[number];

function shift(event: MediaEvent, turn: number): MediaEvent {
  const ms = turn * LOOP_S * 1000;
  if (event.kind === "video") {
    return { ...event, sample: { ...event.sample, dtsTicks: event.sample.dtsTicks + ms * 90 } };
  }
  if (event.kind !== "audio") return event;
  return { ...event, frame: { ...event.frame, ptsMs: event.frame.ptsMs + ms } };
}

type PageFacts = { positionS: number; errors: string[] };
type HlsWindow = { Hls: typeof HlsJs };

async function openPage(script: string): Promise<Page> {
  const page = await browser.newPage();
  await page.setContent("<video muted autoplay></video>");
  await page.addScriptTag({ path: script });
  return page;
}

async function playInHlsJs(lowLatencyMode: boolean, seconds: number): Promise<void> {
  const page = await openPage(HLS_JS);
  await page.evaluate(({ source, lowLatencyMode }) => {
    const { Hls } = window as unknown as HlsWindow;
    const errors: string[] = [];
    Object.assign(window, { errors });
    const hls = new Hls({ lowLatencyMode });
    hls.on(Hls.Events.ERROR, (_, { fatal, details }) => {
      if (fatal) errors.push(details);
    });
    hls.loadSource(source);
    hls.attachMedia(document.querySelector("video") ?? document.createElement("video"));
  }, { source: url, lowLatencyMode });
  await expectProgress(page, seconds);
}

async function playInShaka(seconds: number): Promise<void> {
  const page = await openPage(SHAKA);
  await page.evaluate(async (source) => {
    type Player = {
      attach(video: HTMLVideoElement): Promise<void>;
      load(source: string): Promise<void>;
      addEventListener(name: string, listener: (event: Event) => void): void;
    };
    const { shaka } = window as unknown as { shaka: { Player: new () => Player } };
    const errors: string[] = [];
    Object.assign(window, { errors });
    const player = new shaka.Player();
    player.addEventListener("error", (event) => {
      const { detail } = event as CustomEvent<{ code: number; severity: number }>;
      if (detail.severity === 2) errors.push(`shaka error ${detail.code}`);
    });
    await player.attach(document.querySelector("video") ?? document.createElement("video"));
    await player.load(source);
  }, url);
  await expectProgress(page, seconds);
}

const factsOf = (page: Page): Promise<PageFacts> =>
  page.evaluate(() => ({
    positionS: document.querySelector("video")?.currentTime ?? 0,
    errors: (window as unknown as { errors: string[] }).errors,
  }));

/** The page's video moves on for so long, without a fatal error. */
async function expectProgress(page: Page, seconds: number): Promise<void> {
  const first = await until(async () => {
    const facts = await factsOf(page);
    return facts.positionS > 0 || facts.errors.length > 0 ? facts : null;
  }, 15_000);
  const isFurther = async () => {
    const facts = await factsOf(page);
    return facts.positionS > first.positionS + seconds || facts.errors.length > 0;
  };
  await until(isFurther, 15_000);
  expect((await factsOf(page)).errors).toEqual([]);
  await page.close();
}

type Play = (wish: { url: string; seconds: number; deadlineMs: number }) => Promise<Played>;

async function expectPlayed(play: Play, seconds: number): Promise<void> {
  const { playedS, log } = await play({ url, seconds, deadlineMs: 25_000 });
  expect(playedS, log).toBeGreaterThanOrEqual(seconds);
}

async function expectNoComplaints(isEnded: boolean): Promise<void> {
  const multivariant = await (await fetch(url)).text();
  expect(checkMultivariant(multivariant)).toEqual([]);
  HlsParser.parse(multivariant);
  for (const playlistUrl of mediaPlaylistsOf(multivariant, url).values()) {
    const playlist = await (await fetch(playlistUrl)).text();
    expect(checkMediaPlaylist(playlist)).toEqual([]);
    HlsParser.parse(playlist);
    expect(playlist.includes("#EXT-X-ENDLIST")).toBe(isEnded);
    expect(playlist).toContain("#EXT-X-DISCONTINUITY\n");
  }
}

const PLAYERS: [string, (seconds: number) => Promise<void>][] = [
  ["hls.js with low latency", (seconds) => playInHlsJs(true, seconds)],
  ["hls.js without low latency", (seconds) => playInHlsJs(false, seconds)],
  ["Shaka", playInShaka],
  ["ffmpeg", (seconds) => expectPlayed(playInFfmpeg, seconds)],
  // VLC 3 ends at a discontinuity: it starts its demuxer anew, and does not load an init segment.
  ["VLC", () => expectPlayed(playInVlc, 2)],
  ["GStreamer", (seconds) => expectPlayed(playInGStreamer, seconds)],
];

describe("a live broadcast", () => {
  beforeAll(async () => {
    await until(async () => {
      const answer = await fetch(url);
      const [playlistUrl = ""] = [...mediaPlaylistsOf(await answer.text(), url).values()];
      return answer.ok && (await (await fetch(playlistUrl)).text()).includes("DISCONTINUITY");
    }, 20_000);
  });
  test("is nothing to complain about", () => expectNoComplaints(false));
  test.concurrent.each(PLAYERS)("plays in %s", async (_, play) => play(2), 40_000);
});

describe("its recording", () => {
  beforeAll(async () => {
    await endBroadcast();
  });
  test("is nothing to complain about", () => expectNoComplaints(true));
  test.concurrent.each(PLAYERS)("plays in %s", async (_, play) => play(ACROSS_S), 60_000);
});
