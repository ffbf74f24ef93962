/**
 * A media node that is killed while it is live, and its publisher's return: one broadcast for its
 * viewers, one recording.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import type { AuthoriseResponse } from "#shared/contracts/control.ts";
import type HlsJs from "hls.js";
import { checkMediaPlaylist, readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { checkReload } from "#shared/hls/check-reload.ts";
import { newId, newVideoUrl } from "#shared/ids.ts";
import { launchChromium, samplePlayback } from "#test/helpers/chromium.ts";
import { probePackets, type Publish, publishArgs, recordFlv } from "#test/helpers/ffmpeg.ts";
import { fetchPlaylist, mediaPlaylistsOf } from "#test/helpers/media-node.ts";
import { useNodeProcesses } from "#test/helpers/node-process.ts";
import { until } from "#test/helpers/until.ts";
import type { JournalEntry, RunningEntry } from "./journal-entry.ts";

const HLS_JS = fileURLToPath(import.meta.resolve("hls.js/dist/hls.min.js"));
const KEY = "sk_0123456789abcdefghij";

const site = useNodeProcesses({ settings: { latency: "low", ladder: "copy" } });

beforeEach(() => site.control.addKey(KEY));

type PlayerWindow = { Hls: typeof HlsJs; recoveries: number };

/** A page that, like the watch page, begins again when its player gives up. */
async function openPlayer(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  await page.setContent("<video muted autoplay></video>");
  await page.addScriptTag({ path: HLS_JS });
  await page.evaluate((source) => {
    const player = window as unknown as PlayerWindow;
    const video = document.querySelector("video");
    if (video === null) throw new Error("there is no video element");
    player.recoveries = 0;
    const play = () => {
      const hls = new player.Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.5 });
      hls.on(player.Hls.Events.ERROR, (_, { fatal }) => {
        if (!fatal) return;
        hls.destroy();
        player.recoveries += 1;
        setTimeout(play, 500);
      });
      hls.loadSource(source);
      hls.attachMedia(video);
    };
    play();
  }, url);
  return page;
}

/** Resolves once the picture has moved on by two seconds. */
async function expectMovingPicture(page: Page, deadlineMs: number): Promise<void> {
  const first = await until(() => samplePlayback(page), deadlineMs);
  await until(async () => {
    const now = await samplePlayback(page);
    return now !== null && now.decodedFrames > first.decodedFrames + 45 &&
      now.pixels !== first.pixels;
  }, deadlineMs);
}

/** Publishes a file again and again, as it is: nothing has to be encoded. */
function publishFile(url: string): Publish {
  const input = ["-re", "-stream_loop", "-1", "-i", join(site.folder, "source.flv")];
  return publishArgs([...input, "-c", "copy", "-f", "flv", url]);
}

async function goLive() {
  const pattern = { size: "160x90", videoBitrate: "200k", keyframeSeconds: 2, seconds: 60 };
  await writeFile(join(site.folder, "source.flv"), await recordFlv(pattern));
  let node = site.startNode();
  const { rtmp, hls } = await node.ports();
  const publishUrl = `rtmp://127.0.0.1:${rtmp}/streaming/${KEY}`;
  publishFile(publishUrl);
  const broadcast = await until(() => site.control.authorised.get(KEY), 10_000);
  const url = `http://127.0.0.1:${hls}/hls-live/${broadcast.videoUrl}.m3u8`;
  const [rung = ""] = [...mediaPlaylistsOf(await fetchPlaylist(url, 15_000), url).values()];
  const kill = async () => {
    node.child.kill("SIGKILL");
    await node.exited;
  };
  const restart = async () => {
    node = site.startNode({ RTMP_PORT: String(rtmp), HLS_PORT: String(hls) });
    await node.ports();
  };
  const stderr = () => node.stderr();
  return { publishUrl, broadcast, url, rung, kill, restart, stderr };
}

test("a killed node goes on: same playlist, nothing used twice, one recording", async () => {
  const { publishUrl, broadcast, rung, kill, restart } = await goLive();
  await until(() => site.control.progress.some(({ durationMs }) => durationMs > 5000), 15_000);
  const before = await fetchPlaylist(rung);
  expect(checkMediaPlaylist(before)).toEqual([]);
  expect(readMediaPlaylist(before).partTargetS).toBe(0.34);
  const killedAtMs = Date.now();
  await kill();

  await restart();
  const waiting = await fetchPlaylist(rung);
  expect(waiting).not.toContain("#EXT-X-ENDLIST");
  expect(checkMediaPlaylist(waiting)).toEqual([]);
  expect(checkReload(before, waiting)).toEqual([]);
  publishFile(publishUrl);
  await until(() => site.control.authorised.get(KEY)?.isResumed === true, 10_000);
  expect(site.control.authorised.get(KEY)).toMatchObject({
    epoch: 2,
    videoUrl: broadcast.videoUrl,
  });
  const after = await until(async () => {
    const text = await fetchPlaylist(rung);
    const { segments } = readMediaPlaylist(text);
    return segments.some(({ isDiscontinuous }) => isDiscontinuous) ? text : null;
  }, 20_000);
  expect(checkMediaPlaylist(after)).toEqual([]);
  expect(checkReload(waiting, after)).toEqual([]);
  expectNewNames(waiting, after);
  const resumed = readMediaPlaylist(after).segments.find((segment) => segment.isDiscontinuous);
  expect(resumed?.wallClockMs).toBeGreaterThan(killedAtMs);
  expect(resumed?.wallClockMs).toBeLessThan(Date.now());

  // Once more: by now the API knows the broadcast under another epoch than its URLs have.
  await kill();
  const reports = site.control.progress.length;
  await restart();
  const report = await until(() => site.control.progress[reports + 1], 5000);
  expect(report).toMatchObject({ state: "waiting", epoch: 2 });
  const third = publishFile(publishUrl);
  await until(() => site.control.progress.at(-1)?.state === "live", 15_000);
  expect(site.control.progress.at(-1)?.epoch).toBe(3);
  await until(
    async () => (await fetchPlaylist(rung)).split("#EXT-X-DISCONTINUITY\n").length > 2,
    15_000,
  );

  await third.stop();
  const ended = await until(() => site.control.ended[0], 15_000);
  expect(ended).toMatchObject({ broadcastId: broadcast.broadcastId, reason: "publisher_stopped" });
  const recording = readMediaPlaylist(await fetchPlaylist(rung));
  expect(recording.complaints).toEqual([]);
  expect(recording.segments.map(({ uri }) => uri)).toEqual(
    recording.segments.map((_, index) => `seg-${index + 1}.m4s`),
  );
  expect(recording.segments.filter((segment) => segment.isDiscontinuous)).toHaveLength(2);
  const durationS = recording.segments.reduce((sum, segment) => sum + segment.durationS, 0);
  expect(Math.abs(durationS - ended.durationMs / 1000)).toBeLessThan(0.5);
  const frames = await probePackets(rung, "v:0");
  expect(Math.abs(frames.length - durationS * 30)).toBeLessThan(5);
}, 60_000);

/** The broadcast's entry in the journal as version 1 wrote it. */
function asVersion1(
  { broadcastId, epoch, controlEpoch, videoUrl, startedAt, running }: RunningEntry,
  authorisation: AuthoriseResponse,
) {
  const { source, playlists: { isAudioAwaited: _, ...playlists } } = running;
  const renditions = playlists.rungs.map(({ videoBitrateBps: _, ...rung }) => rung);
  const packager = { ...playlists, videoUrl, epoch, dvrWindowS: 7200 };
  const started = { startedAt, source, renditions };
  const broadcast = { authorisation, controlEpoch, packager, started };
  return { version: 1, broadcastId, epoch, videoUrl, startedAt, ended: null, broadcast };
}

test("a node goes on with what version 1 of the journal says", async () => {
  const { publishUrl, broadcast, rung, kill, restart } = await goLive();
  await until(() => site.control.progress.some(({ durationMs }) => durationMs > 5000), 15_000);
  const before = await fetchPlaylist(rung);
  await kill();
  const path = join(site.folder, "media-node", "broadcasts", `${broadcast.broadcastId}.json`);
  const entry = JSON.parse(await readFile(path, "utf8")) as RunningEntry;
  await writeFile(path, JSON.stringify(asVersion1(entry, broadcast)));

  await restart();
  const waiting = await fetchPlaylist(rung);
  expect(waiting).not.toContain("#EXT-X-ENDLIST");
  expect(checkReload(before, waiting)).toEqual([]);
  const publisher = publishFile(publishUrl);
  const isBack = async () => (await fetchPlaylist(rung)).includes("#EXT-X-DISCONTINUITY\n");
  await until(isBack, 20_000);
  expect(checkReload(waiting, await fetchPlaylist(rung))).toEqual([]);
  expect(site.control.authorised.get(KEY)).toMatchObject({ isResumed: true, epoch: 2 });
  expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ version: 2, controlEpoch: 2 });
  await publisher.stop();
}, 60_000);

test("a node leaves what a later version wrote, and finishes the recording", async () => {
  const { broadcast, url, rung, kill, restart, stderr } = await goLive();
  await until(() => site.control.progress.some(({ durationMs }) => durationMs > 5000), 15_000);
  await kill();
  const path = join(site.folder, "media-node", "broadcasts", `${broadcast.broadcastId}.json`);
  const later = (await readFile(path, "utf8")).replace('"version":2', '"version":3');
  await writeFile(path, later);

  await restart();
  expect(await fetchPlaylist(url)).toContain("/low/index.m3u8");
  const recording = await fetchPlaylist(rung);
  expect(recording).toContain("#EXT-X-ENDLIST");
  expect(readMediaPlaylist(recording).segments.length).toBeGreaterThan(0);
  expect(await readFile(path, "utf8")).toBe(later);
  expect(stderr()).toContain("it is of version 3");
}, 60_000);

test("what cannot be gone on with ends under the epoch that the API knows", async () => {
  const broadcastId = newId();
  const entry: JournalEntry = {
    version: 2,
    broadcastId,
    videoUrl: newVideoUrl(),
    epoch: 1,
    controlEpoch: 3,
    startedAt: new Date().toISOString(),
    ended: null,
    running: null,
  };
  await mkdir(join(site.folder, "media-node", "broadcasts"), { recursive: true });
  const path = join(site.folder, "media-node", "broadcasts", `${broadcastId}.json`);
  await writeFile(path, JSON.stringify(entry));
  site.startNode();
  const ended = await until(() => site.control.ended[0], 15_000);
  expect(ended).toMatchObject({ broadcastId, epoch: 3, reason: "node_lost" });
  await until(() => !existsSync(path), 5000);
}, 30_000);

test("Chromium plays on over a kill and a restart without a reload", async () => {
  const browser = await launchChromium();
  try {
    const { publishUrl, url, kill, restart } = await goLive();
    const page = await openPlayer(browser, url);
    await expectMovingPicture(page, 20_000);
    await kill();
    await restart();
    publishFile(publishUrl);
    await until(() => site.control.progress.at(-1)?.state === "live", 15_000);
    await expectMovingPicture(page, 25_000);
  } finally {
    await browser.close();
  }
}, 90_000);

/** What comes after the discontinuity has names that nothing before it had. */
function expectNewNames(before: string, after: string): void {
  const used = new Set(before.match(/(?:seg|part|init)-\d+\.\w+/g));
  const hinted = /PRELOAD-HINT:.*URI="([^"]*)"/.exec(before)?.[1] ?? "";
  used.delete(hinted);
  const added = after.slice(after.indexOf("#EXT-X-DISCONTINUITY\n"));
  const names = added.match(/(?:seg|part|init)-\d+\.\w+/g) ?? [];
  expect(names.length).toBeGreaterThan(2);
  expect(names.filter((name) => used.has(name))).toEqual([]);
}
