/**
 * What becomes of a recording, over real parts: the API on its database, its relay, a media worker, a
 * resizer, playback, and ffmpeg looking at what they made.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApp } from "#api/app.ts";
import { createRelay, type Relay } from "#api/background/relay.ts";
import { addStoryboardJob } from "#db/storyboards.ts";
import { LiveRegistry } from "#media-node/live/live-registry.ts";
import { createPlaybackServer, type PlaybackServer } from "#media-node/playback/server.ts";
import { createMediaWorker } from "#media-node/downloads/worker.ts";
import { createResizer } from "#resizer/worker.ts";
import type { ClipBody } from "#shared/contracts/clips.ts";
import type { DownloadBody } from "#shared/contracts/downloads.ts";
import type { VideoBody } from "#shared/contracts/videos.ts";
import { createControlPlane } from "#shared/control-plane.ts";
import { checkMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { silentLogger } from "#shared/log.ts";
import { routeJobs } from "#shared/queue/route-jobs.ts";
import { createWorkerQueue } from "#shared/queue/worker-queue.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { createTestApp, SERVICE_TOKEN, type Session, type TestApp } from "#test/helpers/app.ts";
import { expectProgress, openPlainHlsJs } from "#test/helpers/browser-players.ts";
import { launchChromium } from "#test/helpers/chromium.ts";
import { insertEndedVideo } from "#test/helpers/ended-video.ts";
import { decodeAll, probeDurations, runForOutput } from "#test/helpers/ffmpeg.ts";
import { readNumbers } from "#test/helpers/frame-numbers.ts";
import { storeRecording } from "#test/helpers/recording.ts";
import { serve, type Served } from "#test/helpers/serve.ts";
import { until } from "#test/helpers/until.ts";

const log = silentLogger;
const live = new LiveRegistry();
const queues = {
  resizer: createWorkerQueue({ worker: "resizer", url: undefined, log }),
  media: createWorkerQueue({ worker: "media", url: undefined, log }),
};
let directory: string;
let storage: Storage;
let app: TestApp;
let served: Served;
let relay: Relay;
let playback: PlaybackServer;
let owner: Session;
let video: { readonly id: string; readonly url: string };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-recordings-"));
  storage = createFileStorage({ directory });
  app = await createTestApp({ storage, onJob: () => relay.wake() });
  const { fetch } = createApp(app.deps);
  served = serve((request) => fetch(request));
  relay = createRelay({ db: app.deps.db, queue: routeJobs(queues), log });
  const control = createControlPlane({ url: served.url, serviceToken: SERVICE_TOKEN });
  for (const queue of Object.values(queues)) await queue.start();
  await createMediaWorker({ queue: queues.media, storage, control, log }).start();
  await createResizer({ queue: queues.resizer, storage, control, log, concurrency: 1 }).start();
  await relay.start();
  playback = createPlaybackServer({ host: "127.0.0.1", port: 0, storage, live, log });
  await playback.start();
  owner = await app.signIn("archivist");
  const channel = await app.send<{ id: string }>("POST", "/user/channel", owner);
  video = await insertEndedVideo(app.deps, { channelId: channel.body.id, segments: 0 });
  // Two stretches with a pause between them: 4 s, 20 s of nothing, 4 s.
  video = { ...video, url: await storeRecording(storage, [{ seconds: 4 }, { seconds: 4 }], 20) };
  await app.deps.db.updateTable("videos").set({ url: video.url }).where("id", "=", video.id)
    .execute();
}, 60_000);

afterAll(async () => {
  await relay?.stop();
  for (const queue of Object.values(queues)) await queue.stop();
  await playback?.stop();
  live.close();
  await served?.stop();
  await app?.close();
  await rm(directory, { recursive: true, force: true });
});

const pathOf = (rest: string) => `/user/channel/videos/${video.id}${rest}`;
const hls = (url: string) => `http://127.0.0.1:${playback.port}/hls-live/${url}.m3u8`;

/** Asks for an MP4, waits for it and stores it; its path. */
async function download(path: string): Promise<string> {
  const asked = await app.send<DownloadBody>("POST", path, owner);
  expect(asked.status).toBe(202);
  await until(async () => {
    const { body } = await app.send<DownloadBody>("GET", path, owner);
    expect(body.failure).toBeNull();
    return body.status === "ready";
  }, 15_000);
  const headers = { authorization: `Bearer ${owner.token}` };
  const response = await fetch(`${served.url}${path}/file`, { headers });
  expect(response.status).toBe(200);
  const file = join(directory, `${crypto.randomUUID()}.mp4`);
  await Bun.write(file, await response.arrayBuffer());
  return file;
}

/** Across what is left of the pause. */
async function playInBrowser(url: string): Promise<void> {
  const browser = await launchChromium();
  try {
    await expectProgress(await openPlainHlsJs(browser, url), 2.5);
  } finally {
    await browser.close();
  }
}

test("a recording with a pause in it downloads as an MP4 from 0 without the pause", async () => {
  const { startS, durationS } = await probeDurations(await download(pathOf("/download")));
  expect(startS).toBe(0);
  expect(Math.abs(durationS - 8)).toBeLessThan(0.15);
});

test("a clip plays under its own address and downloads", async () => {
  const { status, body } = await app.send<ClipBody>("POST", pathOf("/clips"), {
    token: owner.token,
    json: { start: 2.5, end: 5.5, title: "Across the pause" },
  });
  expect(status).toBe(201);
  expect(body.end - body.start).toBeCloseTo(body.durationMs / 1000, 3);
  expect(body.start).toBeLessThanOrEqual(2.5);
  expect(body.end).toBeGreaterThanOrEqual(5.5);
  const media = await (await fetch(hls(`${body.url}/1/high/index`))).text();
  expect(checkMediaPlaylist(media)).toEqual([]);
  await decodeAll(hls(body.url));
  const frames = await readNumbers(hls(body.url), ["-ss", "1"]);
  expect(Math.abs(frames.length - 30 * (body.durationMs / 1000 - 1))).toBeLessThanOrEqual(2);
  await playInBrowser(hls(body.url));
  const { startS, durationS } = await probeDurations(
    await download(pathOf(`/clips/${body.id}/download`)),
  );
  expect(startS).toBe(0);
  expect(Math.abs(durationS - body.durationMs / 1000)).toBeLessThan(0.15);
  // A tool that writes the segments one behind the other, as they are.
  const joined = join(directory, "joined.mp4");
  await runForOutput("yt-dlp", ["--quiet", "--no-progress", "-o", joined, hls(body.url)]);
  const found = await probeDurations(joined);
  expect(found.startS).toBeLessThan(0.05);
  expect(Math.abs(found.durationS - body.durationMs / 1000)).toBeLessThan(0.15);
  for (const seconds of Object.values(found.streams)) {
    expect(Math.abs(seconds - body.durationMs / 1000)).toBeLessThan(0.15);
  }
  expect((await app.send("DELETE", pathOf(`/clips/${body.id}`), owner)).status).toBe(204);
  expect((await fetch(hls(body.url))).status).toBe(404);
}, 60_000);

test("frames of a broadcast become its storyboard", async () => {
  for (const ms of [0, 2000, 25_000]) {
    const create = { width: 160, height: 90, channels: 3, background: "#3a7" } as const;
    await storage.put(
      `videos/${video.url}/1/frames/${ms}.jpg`,
      await sharp({ create }).jpeg().toBuffer(),
      {
        contentType: "image/jpeg",
      },
    );
  }
  await app.deps.db.transaction().execute((trx) => addStoryboardJob(trx, video.id));
  relay.wake();
  const { storyboardUrl } = await until(async () => {
    const { body } = await app.send<VideoBody>("GET", pathOf(""), owner);
    return body.storyboardUrl === null ? null : body;
  }, 15_000);
  const { pathname } = new URL(storyboardUrl ?? "");
  const vtt = await (await fetch(`${served.url}${pathname}`)).text();
  // The third frame was taken one second after the pause.
  expect(vtt).toMatch(
    /00:00:0[12]\.\d{3} --> 00:00:0[45]\.\d{3}\nsprite-0\.jpg#xywh=160,0,160,90\n/,
  );
  const sprite = await fetch(new URL("sprite-0.jpg", `${served.url}${pathname}`));
  expect((await sharp(await sprite.arrayBuffer()).metadata()).width).toBe(1600);
});
