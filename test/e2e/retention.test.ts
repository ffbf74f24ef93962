/**
 * A channel's budget while it broadcasts: a real media node, publishers and the API on its database.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApp } from "#api/app.ts";
import { createRetention } from "#api/background/retention.ts";
import { createMediaNode, type MediaNode } from "#media-node/node.ts";
import { ladderSchema } from "#shared/contracts/ladder.ts";
import type { VideoBody } from "#shared/contracts/videos.ts";
import { createControlPlane } from "#shared/control-plane.ts";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import type { Service } from "#shared/lifecycle.ts";
import { createLogger, type LogFields, type LogLine, silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { createTestApp, SERVICE_TOKEN, type Session, type TestApp } from "#test/helpers/app.ts";
import { decodeAll, type Publish, publish } from "#test/helpers/ffmpeg.ts";
import { mediaPlaylistsOf } from "#test/helpers/media-node.ts";
import { serve, type Served } from "#test/helpers/serve.ts";
import { until } from "#test/helpers/until.ts";

let directory: string;
let storage: Storage;
let app: TestApp;
let served: Served;
let node: MediaNode;
let retention: Service;
let owner: Session;
let publisher: Publish;
const log: (LogLine & LogFields)[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-retention-"));
  storage = createFileStorage({ directory: join(directory, "media") });
  app = await createTestApp({ storage });
  const { fetch } = createApp(app.deps);
  served = serve((request) => fetch(request));
  node = createMediaNode({
    host: "127.0.0.1",
    rtmpPort: 0,
    hlsPort: 0,
    dataDir: join(directory, "node"),
    ladder: ladderSchema.parse("low=90@200"),
    ffmpegPath: "ffmpeg",
    encoder: "libx264",
    control: createControlPlane({ url: served.url, serviceToken: SERVICE_TOKEN }),
    storage,
    log: silentLogger,
  });
  await node.start();
  retention = createRetention({
    db: app.deps.db,
    storage,
    totalBudgetBytes: null,
    intervalMs: 100,
    log: createLogger({ level: "info", write: (line) => log.push(line) }),
  });
  owner = await app.signIn("hoarder");
}, 60_000);

afterAll(async () => {
  await retention?.stop();
  await publisher?.kill();
  await node?.stop();
  await served?.stop();
  await app?.close();
  await rm(directory, { recursive: true, force: true });
});

const PATH = "/user/channel/videos";
const readVideo = async (id: string) =>
  (await app.send<VideoBody>("GET", `${PATH}/${id}`, owner)).body;
const playlistUrl = ({ url }: VideoBody) =>
  `http://127.0.0.1:${node.ports.hls}/hls-live/${url}.m3u8`;

/** A new video and what is published into it, once it lists `segments`. */
async function broadcast(streamKey: string, segments: number): Promise<VideoBody> {
  const json = { title: "One of many" };
  const { body } = await app.send<VideoBody>("POST", PATH, { ...owner, json });
  publisher = publish(`rtmp://127.0.0.1:${node.ports.rtmp}/streaming/${streamKey}`);
  await until(async () => await countSegments(body) >= segments, 20_000);
  return body;
}

async function countSegments(video: VideoBody): Promise<number> {
  const url = playlistUrl(video);
  const [rung = ""] = mediaPlaylistsOf(await (await fetch(url)).text(), url).values();
  return readMediaPlaylist(await (await fetch(rung)).text()).segments.length;
}

/** What the API knows a broadcast to take. */
async function bytesOf({ id }: VideoBody): Promise<number> {
  const { recorded_bytes: bytes } = await app.deps.db.selectFrom("broadcasts")
    .select("recorded_bytes").where("video_id", "=", id).executeTakeFirstOrThrow();
  return bytes ?? 0;
}

async function keysOf({ url }: VideoBody): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(`videos/${url}/`)) keys.push(key);
  return keys;
}

test(
  "over its budget a channel loses its oldest recording, never the broadcast that runs",
  async () => {
    const { body: channel } = await app.send<{ streamKey: string }>("POST", "/user/channel", owner);
    const old = await broadcast(channel.streamKey, 2);
    await publisher.stop();
    const kept = await until(async () => {
      const video = await readVideo(old.id);
      return video.recording?.status === "available" ? video.recording : null;
    }, 20_000);
    const running = await broadcast(channel.streamKey, 2);
    await until(async () => (await readVideo(running.id)).status === "RUNNING", 10_000);

    // The old one alone would fit.
    const json = { recordingBudgetBytes: kept.bytes };
    expect((await app.send("PATCH", "/user/channel", { ...owner, json })).status).toBe(200);
    await retention.start();
    const removed = await until(async () => {
      const video = await readVideo(old.id);
      return video.recording?.status === "removed" ? video : null;
    }, 10_000);
    expect(removed.recording).toMatchObject({ bytes: null, removedBecause: "channel_budget" });
    const said = await until(() => log.find(({ event }) => event === "recording.removed"), 5000);
    const facts = { videoId: old.id, reason: "channel_budget", bytes: kept.bytes };
    expect(said).toMatchObject(facts);
    expect(await keysOf(old)).toEqual([]);

    // The one that runs takes more than the budget by itself, and is looked at again and again.
    await until(async () => await bytesOf(running) > (kept.bytes ?? 0), 20_000);
    const before = await countSegments(running);
    await until(async () => await countSegments(running) > before + 1, 15_000);
    expect(await readVideo(running.id)).toMatchObject({ status: "RUNNING", recording: null });
    expect(log.filter(({ event }) => event !== "recording.removed")).toEqual([]);
    await retention.stop();

    await publisher.stop();
    await until(
      async () => (await readVideo(running.id)).recording?.status === "available",
      20_000,
    );
    await decodeAll(playlistUrl(running));
  },
  90_000,
);
