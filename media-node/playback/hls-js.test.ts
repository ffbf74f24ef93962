/**
 * A live broadcast in a real browser: hls.js over real HTTP, fed in real time.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type HlsJs from "hls.js";
import { newVideoUrl } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { launchChromium, samplePlayback } from "#test/helpers/chromium.ts";
import { feed, type MediaEvent, recordMedia } from "#test/helpers/media-source.ts";
import { until } from "#test/helpers/until.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import { createPackager } from "../packager/packager.ts";
import { createRecorder } from "../recorder/recorder.ts";
import { createPlaybackServer, type PlaybackServer } from "./server.ts";

const HLS_JS = fileURLToPath(import.meta.resolve("hls.js/dist/hls.min.js"));
const LIVE_SECONDS = 12;

const live = new LiveRegistry();
let directory: string;
let browser: Browser;
let server: PlaybackServer;
let events: MediaEvent[];
let startPackager: (
  videoUrl: string,
  partTargetMs: number | null,
) => ReturnType<typeof createPackager>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-hls-js-"));
  const storage = createFileStorage({ directory });
  const recorder = createRecorder({ storage, nodeId: "test", log: silentLogger });
  server = createPlaybackServer({ host: "127.0.0.1", port: 0, storage, live, log: silentLogger });
  await server.start();
  browser = await launchChromium();
  events = await recordMedia({ size: "320x180", seconds: LIVE_SECONDS + 3 });
  startPackager = (videoUrl, partTargetMs) =>
    createPackager({
      videoUrl,
      epoch: 1,
      rungs: [{ name: "high", width: 320, height: 180, videoBitrateBps: 4e5, isCopy: true }],
      wallClockAtZeroMs: Date.now(),
      segmentTargetMs: 2000,
      partTargetMs,
      hasVideo: true,
      hasAudio: true,
    }, { live, recorder, log: silentLogger });
});

afterAll(async () => {
  await browser?.close();
  await server.stop();
  live.close();
  await rm(directory, { recursive: true });
});

type PageFacts = { stalls: number; errors: string[]; latencyS: number; loaded: string[] };
type PlayerWindow = { Hls: typeof HlsJs; facts: () => PageFacts };

async function openPlayer(page: Page, url: string, lowLatencyMode: boolean): Promise<void> {
  await page.setContent("<video muted autoplay></video>");
  await page.addScriptTag({ path: HLS_JS });
  await page.evaluate(({ source, lowLatencyMode }) => {
    const player = window as unknown as PlayerWindow;
    const video = document.querySelector("video");
    if (video === null) throw new Error("there is no video element");
    const facts = { stalls: 0, errors: [] as string[], loaded: [] as string[] };
    const hls = new player.Hls({ lowLatencyMode, maxLiveSyncPlaybackRate: 1.5 });
    hls.on(player.Hls.Events.ERROR, (_, error) => {
      facts.errors.push(`${error.details}${error.fatal ? " (fatal)" : ""}`);
    });
    hls.on(player.Hls.Events.FRAG_LOADED, (_, { frag, part }) => {
      facts.loaded.push(`${frag.sn}.${part?.index ?? "whole"}`);
    });
    video.addEventListener("waiting", () => {
      if (video.currentTime > 0.5) facts.stalls += 1;
    });
    player.facts = () => ({ ...facts, latencyS: hls.latency });
    hls.loadSource(source);
    hls.attachMedia(video);
  }, { source: url, lowLatencyMode });
}

test.each([
  ["with parts", 340, true, { latencyS: 3.2, stalls: 1 }],
  // Whole segments come every second or two, and a viewer of the first second has none to spare.
  ["with parts it does not ask for", 340, false, { latencyS: 9, stalls: 5 }],
  ["without parts", null, true, { latencyS: 8, stalls: 1 }],
])(
  "hls.js plays a broadcast %s from its first second, and its end",
  async (_, partTargetMs, lowLatencyMode, most) => {
    const videoUrl = newVideoUrl();
    const url = `http://127.0.0.1:${server.port}/hls-live/${videoUrl}.m3u8`;
    live.announce(videoUrl);
    const page = await browser.newPage();
    await openPlayer(page, url, lowLatencyMode);
    const packager = startPackager(videoUrl, partTargetMs);
    const startedMs = performance.now();
    const elapsedMs = () => performance.now() - startedMs;
    let fed = 0;
    const pump = setInterval(() => {
      const due = events.findIndex(({ dtsMs }) => dtsMs > elapsedMs());
      feed(packager, events.slice(fed, due), ["high"]);
      fed = due;
    }, 10);
    try {
      await until(async () => await samplePlayback(page), 6000);
      expect(elapsedMs()).toBeLessThan(4000);
      await until(() => elapsedMs() > LIVE_SECONDS * 1000, LIVE_SECONDS * 1000 + 1000);
    } finally {
      clearInterval(pump);
    }
    const facts = await page.evaluate(() => (window as unknown as PlayerWindow).facts());
    expect(facts.errors.filter((error) => error.endsWith("(fatal)"))).toEqual([]);
    // On a machine that other suites keep busy, Chromium itself may miss a beat.
    expect(facts.stalls).toBeLessThanOrEqual(most.stalls);
    expect(facts.latencyS).toBeLessThan(most.latencyS);
    expect(facts.loaded.filter((name, index) => facts.loaded.indexOf(name) < index)).toEqual([]);
    await packager.end();
    await until(() => page.evaluate(() => document.querySelector("video")?.ended), 8000);
    await page.close();
  },
  40_000,
);

test("hls.js plays a recording whose video stopped for 5 s to its end", async () => {
  const videoUrl = newVideoUrl();
  const packager = startPackager(videoUrl, 340);
  const isMissing = ({ kind, dtsMs }: MediaEvent) =>
    dtsMs > 9000 || (kind === "video" && dtsMs >= 2000 && dtsMs < 7000);
  feed(packager, events.filter((event) => !isMissing(event)), ["high"]);
  await packager.end();
  const page = await browser.newPage();
  await openPlayer(page, `http://127.0.0.1:${server.port}/hls-live/${videoUrl}.m3u8`, true);
  await until(async () => await samplePlayback(page), 6000);
  await until(() => page.evaluate(() => document.querySelector("video")?.ended), 25_000);
  const facts = await page.evaluate(() => (window as unknown as PlayerWindow).facts());
  expect(facts.errors.filter((error) => error.endsWith("(fatal)"))).toEqual([]);
  await page.close();
}, 40_000);
