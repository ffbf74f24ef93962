/**
 * The players people have, on one live broadcast and on its recording: hls.js with and without low
 * latency, Shaka, ffmpeg, VLC and GStreamer. On the way the publisher comes back from another encoder:
 * there is a discontinuity, and another picture size behind it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as HlsParser from "hls-parser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkMultivariant } from "#shared/hls/check-multivariant.ts";
import { checkMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { newVideoUrl } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { LiveRegistry } from "#media-node/live/live-registry.ts";
import { createPackager } from "#media-node/packager/packager.ts";
import { createPlaybackServer } from "#media-node/playback/server.ts";
import { createRecorder } from "#media-node/recorder/recorder.ts";
import {
  expectProgress,
  openHlsJs,
  openPlainHlsJs,
  openShaka,
} from "#test/helpers/browser-players.ts";
import { launchChromium } from "#test/helpers/chromium.ts";
import { feed, recordMedia } from "#test/helpers/media-source.ts";
import { mediaPlaylistsOf } from "#test/helpers/media-node.ts";
import { type Played, playInFfmpeg, playInGStreamer, playInVlc } from "#test/helpers/players.ts";
import { until } from "#test/helpers/until.ts";

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
  return { ...event, frame: { ...event.frame, dtsTicks: event.frame.dtsTicks + ms * 90 } };
}

type Open = (browser: Browser, url: string) => Promise<Page>;

async function playInPage(open: Open, seconds: number): Promise<void> {
  const page = await open(browser, url);
  await expectProgress(page, seconds);
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
  ["hls.js with low latency", (seconds) => playInPage(openHlsJs, seconds)],
  ["hls.js without low latency", (seconds) => playInPage(openPlainHlsJs, seconds)],
  ["Shaka", (seconds) => playInPage(openShaka, seconds)],
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
