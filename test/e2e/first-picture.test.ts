/**
 * The watch page's player on a broadcast that has only just begun: there are parts, and no segment yet.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LiveRegistry } from "#media-node/live/live-registry.ts";
import { createPackager } from "#media-node/packager/packager.ts";
import { createPlaybackServer, type PlaybackServer } from "#media-node/playback/server.ts";
import { newVideoUrl } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { playHls } from "#web/player/engine/hls-player.ts";
import { launchChromium, samplePlayback } from "../helpers/chromium.ts";
import { feed, type MediaEvent, recordMedia } from "../helpers/media-source.ts";
import { until } from "../helpers/until.ts";

const PLAYER = fileURLToPath(import.meta.resolve("../helpers/hls-player.page.ts"));
const KEYFRAME_S = 2;
const SECONDS = 12;

const live = new LiveRegistry();
let directory: string;
let browser: Browser;
let server: PlaybackServer;
let events: MediaEvent[];
let player: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-first-picture-"));
  const storage = createFileStorage({ directory });
  server = createPlaybackServer({ host: "127.0.0.1", port: 0, storage, live, log: silentLogger });
  await server.start();
  browser = await launchChromium();
  const pattern = { size: "320x180", keyframeSeconds: KEYFRAME_S, seconds: SECONDS };
  events = await recordMedia(pattern);
  const built = await Bun.build({ entrypoints: [PLAYER], target: "browser" });
  player = await built.outputs[0]?.text() ?? "";
}, 30_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  live.close();
  await rm(directory, { recursive: true });
});

/** A page that plays `url`, and what it asked for so far. */
async function openPlayer(url: string): Promise<{ page: Page; requests: string[] }> {
  const page = await browser.newPage();
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.setContent("<video muted></video>");
  await page.addScriptTag({ content: player, type: "module" });
  await until(() => page.evaluate(() => "playHls" in window), 5000);
  await page.evaluate((source) => {
    const video = document.querySelector("video");
    if (video === null) throw new Error("there is no video element");
    const { playHls: play } = window as unknown as { playHls: typeof playHls };
    const onEvent = () => {};
    play(video, { url: source, isLive: true }, {
      onGrowth: onEvent,
      onCut: onEvent,
      onFit: onEvent,
      onTrouble: onEvent,
      onUnsupported: onEvent,
      onSilenced: onEvent,
    });
  }, url);
  return { page, requests };
}

test("shows a picture before the first segment is complete, and plays on", async () => {
  const videoUrl = newVideoUrl();
  const packager = createPackager({
    videoUrl,
    epoch: 1,
    rungs: [{ name: "high", width: 320, height: 180, videoBitrateBps: 4e5, isCopy: true }],
    wallClockAtZeroMs: Date.now(),
    segmentTargetMs: 2000,
    partTargetMs: 340,
    hasVideo: true,
    hasAudio: true,
  }, { live, recorder: null, log: silentLogger });
  let fed = 0;
  const feedUntil = (ms: number) => {
    const due = events.findIndex(({ dtsMs }) => dtsMs > ms);
    const end = due === -1 ? events.length : due;
    feed(packager, events.slice(fed, end), ["high"]);
    fed = end;
  };
  const base = `http://127.0.0.1:${server.port}/hls-live/${videoUrl}`;
  feedUntil(1100);
  const { page, requests } = await openPlayer(`${base}.m3u8`);
  await until(() => samplePlayback(page), 10_000);
  const early = await (await fetch(`${base}/1/high/index.m3u8?parts=YES`)).text();
  expect(early).toContain("#EXT-X-PART:");
  expect(early).not.toContain("#EXTINF:");

  const goOnMs = performance.now() - 1100;
  const pump = setInterval(() => feedUntil(performance.now() - goOnMs), 10);
  await until(async () => ((await samplePlayback(page))?.currentTimeS ?? 0) > 6, 20_000);
  clearInterval(pump);
  expect(requests.filter((url) => url.endsWith("/none"))).toEqual([]);
  // Nothing is loaded twice on the way from the first part to segments.
  const parts = requests.filter((url) => url.includes("/part-"));
  expect(parts.length).toBe(new Set(parts).size);
  await packager.end();
  await page.close();
}, 60_000);
