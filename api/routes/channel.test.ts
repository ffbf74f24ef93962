import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestApp, SERVICE_TOKEN, type TestApp } from "#test/helpers/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

type Video = { id: string; url: string; status: string };
type Broadcast = { broadcastId: string; epoch: number; videoUrl: string };
const NODE = { nodeId: "node-a", nodeInstanceId: crypto.randomUUID() };

const control = <T>(path: string, json: unknown) =>
  app.send<T>("POST", `/control/${path}`, { token: SERVICE_TOKEN, json });
const authorise = (streamKey: string) =>
  control<Broadcast & { code?: string }>("authorise", {
    ...NODE,
    publisherId: crypto.randomUUID(),
    streamKey,
    remoteAddress: "192.0.2.1",
  });
const stopsOf = async (broadcast: Broadcast) => {
  const progress = {
    broadcastId: broadcast.broadcastId,
    epoch: broadcast.epoch,
    state: "live",
    durationMs: 1000,
    ingestBitrateBps: 1,
    fps: 30,
    encodeSpeed: null,
    viewers: 0,
    issues: [],
  };
  const reply = await control<{ stop: unknown[] }>("progress", {
    nodeId: NODE.nodeId,
    broadcasts: [progress],
  });
  return reply.body.stop;
};

async function newChannel(username: string) {
  const { token } = await app.signIn(username);
  const channel = await app.send<{ id: string; streamKey: string }>("POST", "/user/channel", {
    token,
  });
  const video = await app.send<Video>("POST", "/user/channel/videos", {
    token,
    json: { title: "A show" },
  });
  return { token, channel: channel.body, video: video.body };
}

async function goLive(streamKey: string): Promise<Broadcast> {
  const { body } = await authorise(streamKey);
  const started = await control("started", {
    nodeId: NODE.nodeId,
    broadcastId: body.broadcastId,
    epoch: body.epoch,
    startedAt: new Date().toISOString(),
    source: { video: null, audio: null, encoder: null },
    renditions: [{ name: "high", width: null, height: null, isCopy: true }],
  });
  expect(started.status).toBe(204);
  return body;
}

test("PATCH /user/channel changes what is given and keeps the rest", async () => {
  const { token, channel } = await newChannel("settings");
  const json = {
    title: "Evenings",
    latency: "lowest",
    recording: false,
    reconnectWindowSeconds: 0,
    retentionDays: 30,
    recordingBudgetBytes: 50_000_000_000,
  };
  const changed = await app.send("PATCH", "/user/channel", { token, json });
  expect(changed).toMatchObject({ status: 200, body: { ...json, streamKey: channel.streamKey } });
  const cleared = await app.send("PATCH", "/user/channel", {
    token,
    json: { title: null, retentionDays: null },
  });
  expect(cleared.body).toMatchObject({
    title: null,
    latency: "lowest",
    retentionDays: null,
    recordingBudgetBytes: 50_000_000_000,
  });
  const bad = await app.send("PATCH", "/user/channel", { token, json: { latency: "none", x: 1 } });
  expect(bad).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: "/latency" }, { pointer: "/x" }] },
  });
});

test("a rotated key replaces the old one, and leaves a running broadcast alone", async () => {
  const { token, channel } = await newChannel("rotator");
  const live = await goLive(channel.streamKey);
  const rotated = await app.send<{ streamKey: string }>("PATCH", "/user/channel/streamKey", {
    token,
  });
  expect(rotated.status).toBe(200);
  expect(rotated.body.streamKey).not.toBe(channel.streamKey);
  expect((await authorise(channel.streamKey)).body.code).toBe("UNKNOWN_STREAM_KEY");
  expect(await stopsOf(live)).toEqual([]);
  const shown = await app.send<{ streamKey: string }>("GET", "/user/channel", { token });
  expect(shown.body.streamKey).toBe(rotated.body.streamKey);
});

test("a key rotated with `disconnect` ends the broadcast, after its grace", async () => {
  const { token, channel } = await newChannel("cutter");
  const live = await goLive(channel.streamKey);
  const rotate = (json: unknown) => app.send("PATCH", "/user/channel/streamKey", { token, json });
  expect((await rotate({ disconnect: true, graceSeconds: 60 })).status).toBe(200);
  expect(await stopsOf(live)).toEqual([]);
  expect((await rotate({ disconnect: true })).status).toBe(200);
  expect(await stopsOf(live)).toEqual([{ broadcastId: live.broadcastId, reason: "key_revoked" }]);
});

test("a live video cannot be deleted, and one that is over goes with its files", async () => {
  const { token, channel, video } = await newChannel("deleter");
  const live = await goLive(channel.streamKey);
  expect(live.videoUrl).toBe(video.url);
  const path = `/user/channel/videos/${video.id}`;
  expect((await app.send("GET", "/videos?status=RUNNING&limit=1")).body).toMatchObject([{
    url: video.url,
  }]);
  expect(await app.send("DELETE", path, { token })).toMatchObject({
    status: 409,
    body: { code: "VIDEO_IS_LIVE" },
  });
  const ended = await control("ended", {
    nodeId: NODE.nodeId,
    broadcastId: live.broadcastId,
    epoch: live.epoch,
    endedAt: new Date().toISOString(),
    reason: "publisher_stopped",
    detail: null,
    durationMs: 5000,
    recordedBytes: 3,
  });
  expect(ended.status).toBe(204);
  expect((await app.send("GET", path, { token })).body).toMatchObject({
    status: "ENDED",
    durationMs: 5000,
  });

  const { storage } = app.deps;
  const bytes = new Uint8Array([1, 2, 3]);
  await storage.put(`videos/${video.url}/high/init.mp4`, bytes, { contentType: "video/mp4" });
  await storage.put("videos/another/high/init.mp4", bytes, { contentType: "video/mp4" });
  expect((await app.send("DELETE", path, { token })).status).toBe(204);
  expect(await storage.head(`videos/${video.url}/high/init.mp4`)).toBeNull();
  expect(await storage.head("videos/another/high/init.mp4")).not.toBeNull();
  expect((await app.send("GET", `/videos/${video.url}`)).status).toBe(404);
  expect((await app.send("DELETE", path, { token })).status).toBe(404);
});

test("a thumbnail goes with the last video that shows it", async () => {
  const { token, video } = await newChannel("sharer");
  const second = await app.send<Video>("POST", "/user/channel/videos", {
    token,
    json: { title: "The same again" },
  });
  const user = await app.send<{ id: string }>("GET", "/user", { token });
  const id = crypto.randomUUID();
  const key = `thumbnails/${id}/1/640.webp`;
  const variant = { name: "640.webp", key, width: 640, height: 360, bytes: 3 };
  const { db, storage } = app.deps;
  await db.insertInto("images").values({
    id,
    user_id: user.body.id,
    purpose: "thumbnail",
    status: "ready",
    variants: [{ ...variant, contentType: "image/webp" }],
  }).execute();
  const videoIds = [video.id, second.body.id];
  await db.updateTable("videos").set({ thumbnail_id: id }).where("id", "in", videoIds).execute();
  await storage.put(key, new Uint8Array([1, 2, 3]), { contentType: "image/webp" });

  const shown = await app.send<{ thumbnail: string }>("GET", `/videos/${video.url}`);
  expect(shown.body.thumbnail)
    .toBe(`http://localhost:8000/videos/thumbnails/${id}-1-640.webp`);
  await app.send("DELETE", `/user/channel/videos/${video.id}`, { token });
  expect(await storage.head(key)).not.toBeNull();
  await app.send("DELETE", `/user/channel/videos/${second.body.id}`, { token });
  expect(await storage.head(key)).toBeNull();
  expect(await db.selectFrom("images").select("id").where("id", "=", id).execute()).toEqual([]);
});

test("DELETE /user/channel takes everything below it and cuts a running broadcast", async () => {
  const { token, channel, video } = await newChannel("leaving");
  const live = await goLive(channel.streamKey);
  expect((await app.send("DELETE", "/user/channel", { token })).status).toBe(204);
  expect((await app.send("GET", "/user/channel", { token })).status).toBe(404);
  expect((await app.send("GET", `/channel/${channel.id}`)).status).toBe(404);
  expect((await app.send("GET", `/videos/${video.url}`)).status).toBe(404);
  expect(await stopsOf(live)).toEqual([
    { broadcastId: live.broadcastId, reason: expect.stringMatching(/^(channel|video)_deleted$/) },
  ]);
  expect((await app.send("POST", "/user/channel", { token })).status).toBe(201);
});

test("a disabled channel and its videos are not seen in public", async () => {
  const { channel, video } = await newChannel("disabled");
  await app.deps.db.updateTable("channels").set({ disabled_at: new Date() })
    .where("id", "=", channel.id).execute();
  for (
    const path of [
      `/channel/${channel.id}`,
      `/channel/${channel.id}/videos`,
      `/videos/${video.url}`,
    ]
  ) {
    expect((await app.send("GET", path)).status).toBe(404);
  }
  const all = await app.send<Video[]>("GET", "/videos?limit=100");
  expect(all.body.map(({ url }) => url)).not.toContain(video.url);
});
