import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApp } from "#api/app.ts";
import { authorisePublisher } from "#db/authorise.ts";
import { NGINX_RTMP_NODE } from "#db/broadcasts.ts";
import { newId } from "#shared/ids.ts";
import { createTestApp, SERVICE_TOKEN, type TestApp } from "#test/helpers/app.ts";
import { probeStreams, publish } from "#test/helpers/ffmpeg.ts";
import { findFreePort } from "#test/helpers/free-port.ts";
import { type Nginx, startNginx } from "#test/helpers/nginx.ts";
import { insertChannel, insertVideo } from "#test/helpers/rows.ts";
import { serve, type Served } from "#test/helpers/serve.ts";
import { until } from "#test/helpers/until.ts";

const SECRET = "a-secret-for-nginx-0123456789";
const ALLOWED = "192.0.2.7";
/** Where nginx passes publishes on from. */
const RELAY = "192.0.2.8";
const INSTANCE = crypto.randomUUID();
let app: TestApp;
let served: Served;
let nginx: Nginx;
let address = "198.51.100.1";

beforeAll(async () => {
  const port = await findFreePort();
  const urls = {
    api: "http://localhost:8000",
    rtmp: `rtmp://localhost:${port}/streaming`,
    hls: "http://localhost:8080",
  };
  const nginxRtmp = { secret: SECRET, allow: [ALLOWED] };
  app = await createTestApp({ urls, nginxRtmp, remoteAddress: () => address });
  const { fetch } = createApp(app.deps);
  served = serve((request) => fetch(request));
  const callback = (name: string) => `${served.url}/channel/streamKey/${name}?secret=${SECRET}`;
  nginx = await startNginx({ port, verifyUrl: callback("verify"), endUrl: callback("end") });
});
afterAll(async () => {
  await nginx?.stop();
  await served?.stop();
  await app?.close();
});

async function newChannel(videos = 1) {
  const { streamKey, hash } = await app.deps.streamKeys.create(newId());
  const channel = await insertChannel(app.deps.db, hash);
  const videoIds: string[] = [];
  for (let count = 0; count < videos; count += 1) {
    videoIds.push(await insertVideo(app.deps.db, channel.channelId));
  }
  return { ...channel, streamKey, videoIds };
}

function call(name: "verify" | "end", form: Record<string, string>, query = `?secret=${SECRET}`) {
  return app.request(`/channel/streamKey/${name}${query}`, {
    method: "POST",
    body: new URLSearchParams(form),
  });
}

async function videosOf(channelId: string) {
  return await app.deps.db.selectFrom("videos").select(["id", "url", "status"])
    .where("channel_id", "=", channelId).orderBy("id").execute();
}

const openBroadcast = (channelId: string) =>
  app.deps.db.selectFrom("broadcasts").selectAll().where("channel_id", "=", channelId)
    .where("state", "<>", "ended").executeTakeFirst();

test("verify redirects to the video's URL, and the video runs until end", async () => {
  const { channelId, streamKey } = await newChannel();
  const form = {
    call: "publish",
    name: streamKey,
    app: "streaming",
    addr: "10.0.0.1",
    clientid: "7",
  };
  const response = await call("verify", form);
  expect(response.status).toBe(302);
  const [video] = await videosOf(channelId);
  expect(response.headers.get("location")).toBe(
    `rtmp://127.0.0.1:${nginx.port}/hls-live/${video?.url}`,
  );
  expect(video?.status).toBe("RUNNING");
  expect(await app.send("GET", `/channel/${channelId}`)).toMatchObject({
    body: { status: "LIVE" },
  });
  expect((await call("end", form)).status).toBe(204);
  expect((await call("end", form)).status).toBe(204);
  expect((await videosOf(channelId)).map(({ status }) => status)).toEqual(["ENDED"]);
  expect(await app.send("GET", `/channel/${channelId}`)).toMatchObject({
    body: { status: "IDLE" },
  });
});

test("verify accepts streamKey in place of name, and end without a connection number", async () => {
  const { channelId, streamKey } = await newChannel();
  expect((await call("verify", { streamKey })).status).toBe(302);
  expect((await call("end", { streamKey })).status).toBe(204);
  expect(await openBroadcast(channelId)).toBeUndefined();
});

test("verify answers 400 for an unknown key and for a channel without a video", async () => {
  const unknown = await call("verify", { name: "sk_nobody" });
  expect([unknown.status, (await unknown.json()).code]).toEqual([400, "UNKNOWN_STREAM_KEY"]);
  const { streamKey } = await newChannel(0);
  const without = await call("verify", { name: streamKey });
  expect([without.status, (await without.json()).code]).toEqual([400, "CHANNEL_HAS_NO_VIDEO"]);
  expect((await call("verify", { app: "streaming" })).status).toBe(400);
});

test("verify and end want the secret or an allowed address", async () => {
  const { streamKey, channelId } = await newChannel();
  for (const query of ["", "?secret=", "?secret=wrong", `?secret=${SECRET}x`]) {
    for (const name of ["verify", "end"] as const) {
      expect([query, (await call(name, { name: streamKey }, query)).status]).toEqual([query, 403]);
    }
  }
  expect(await openBroadcast(channelId)).toBeUndefined();
  address = `::ffff:${ALLOWED}`;
  try {
    expect((await call("verify", { name: streamKey }, "")).status).toBe(302);
  } finally {
    address = "198.51.100.1";
  }
});

test("verify and end do not exist while neither secret nor address is set", async () => {
  const off = createApp({ ...app.deps, nginxRtmp: { secret: null, allow: [] } });
  const { streamKey } = await newChannel();
  for (const path of ["verify", "end"]) {
    const body = new URLSearchParams({ name: streamKey });
    const response = await off.request(`/channel/streamKey/${path}`, { method: "POST", body });
    expect(response.status).toBe(404);
  }
});

test("a second publisher that nginx turns away does not end the first one's broadcast", async () => {
  const { channelId, streamKey } = await newChannel();
  const first = { name: streamKey, addr: "10.0.0.1", clientid: "1" };
  const second = { name: streamKey, addr: "10.0.0.2", clientid: "2" };
  const [one, two] = [await call("verify", first), await call("verify", second)];
  expect(two.headers.get("location")).toBe(one.headers.get("location"));
  await call("end", second);
  expect(await openBroadcast(channelId)).toMatchObject({ state: "live" });
  // nginx died without a word about the first; the second one then got through.
  await call("verify", second);
  app.advance(60_000);
  await call("end", second);
  expect(await openBroadcast(channelId)).toBeUndefined();
});

test("end finds its broadcast after the stream key was rotated", async () => {
  const { channelId, streamKey } = await newChannel();
  const form = { name: streamKey, addr: "10.0.0.1", clientid: "3" };
  await call("verify", form);
  await app.deps.db.updateTable("channels")
    .set({ stream_key_hash: crypto.getRandomValues(new Uint8Array(32)) })
    .where("id", "=", channelId).execute();
  expect((await call("end", form)).status).toBe(204);
  expect(await openBroadcast(channelId)).toBeUndefined();
});

/** The media node lets in what comes from `remoteAddress`; the broadcast it goes into. */
async function passOn({ streamKeyHash }: { streamKeyHash: Uint8Array }, remoteAddress = RELAY) {
  return await authorisePublisher(app.deps.db, {
    streamKeyHash,
    nodeId: "node-a",
    nodeInstanceId: INSTANCE,
    publisherId: crypto.randomUUID(),
    remoteAddress,
    now: app.deps.clock(),
  });
}

/** What the node is told to stop when it reports on `broadcast`. */
async function stopsOf({ broadcastId, epoch }: { broadcastId: string; epoch: number }) {
  const figures = { durationMs: 1, ingestBitrateBps: 1, fps: 30, encodeSpeed: 1, viewers: 0 };
  const reply = await app.send<{ stop: { reason: string }[] }>("POST", "/control/progress", {
    token: SERVICE_TOKEN,
    json: {
      nodeId: "node-a",
      broadcasts: [{ broadcastId, epoch, state: "waiting", issues: [], ...figures }],
    },
  });
  return reply.body.stop.map(({ reason }) => reason);
}

const publisher = (streamKey: string, clientid: string) => ({
  name: streamKey,
  addr: "10.0.0.1",
  clientid,
});

test("end has a broadcast ended that nginx passes on to our media node", async () => {
  const channel = await newChannel();
  const form = publisher(channel.streamKey, "4");
  const other = await newChannel();
  await call("verify", form);
  await call("verify", publisher(other.streamKey, "5"));
  const taken = await passOn(channel);
  const untouched = await passOn(other);
  expect(await stopsOf(taken)).toEqual([]);
  expect((await call("end", form)).status).toBe(204);
  expect((await call("end", form)).status).toBe(204);
  expect(await stopsOf(taken)).toEqual(["publisher_stopped"]);
  // The same connection's number with another key is somebody else.
  await call("end", publisher(other.streamKey, "4"));
  expect(await stopsOf(untouched)).toEqual([]);
});

test("a late end does not end the broadcast of a publisher that came back meanwhile", async () => {
  const channel = await newChannel();
  const [first, second] = ["6", "7"].map((id) => publisher(channel.streamKey, id));
  if (first === undefined || second === undefined) throw new Error("two publishers");
  await call("verify", first);
  await passOn(channel);
  app.advance(60_000);
  const again = await call("verify", second);
  const resumed = await passOn(channel);
  expect(again.headers.get("location")).toMatch(new RegExp(`/${resumed.videoUrl}$`));
  await call("end", first);
  expect(await stopsOf(resumed)).toEqual([]);
  await call("end", second);
  expect(await stopsOf(resumed)).toEqual(["publisher_stopped"]);
});

test("a second publisher that nginx turns away does not end what a media node runs", async () => {
  const channel = await newChannel();
  await call("verify", publisher(channel.streamKey, "8"));
  const taken = await passOn(channel);
  app.advance(60_000);
  await call("verify", publisher(channel.streamKey, "9"));
  await call("end", publisher(channel.streamKey, "9"));
  expect(await stopsOf(taken)).toEqual([]);
  await call("end", publisher(channel.streamKey, "8"));
  expect(await stopsOf(taken)).toEqual(["publisher_stopped"]);
});

test("end leaves alone what a publisher from elsewhere runs", async () => {
  const channel = await newChannel();
  const form = publisher(channel.streamKey, "10");
  await call("verify", form);
  await passOn(channel);
  const direct = await passOn(channel, "198.51.100.99");
  await call("end", form);
  await call("end", form);
  expect(await stopsOf(direct)).toEqual([]);
  // Let in by nginx, and refused by the media node: somebody is live.
  app.advance(60_000);
  await call("verify", publisher(channel.streamKey, "11"));
  app.advance(60_000);
  await call("end", publisher(channel.streamKey, "11"));
  expect(await stopsOf(direct)).toEqual([]);
});

test("who starts again right after the end gets a broadcast of its own", async () => {
  const channel = await newChannel(2);
  const [first, second] = ["12", "13"].map((id) => publisher(channel.streamKey, id));
  if (first === undefined || second === undefined) throw new Error("two publishers");
  await call("verify", first);
  const taken = await passOn(channel);
  await call("end", first);
  await call("verify", second);
  const next = await passOn(channel);
  expect(next.broadcastId).not.toBe(taken.broadcastId);
  expect(await stopsOf(taken)).toEqual(["publisher_stopped"]);
  await call("end", second);
  expect(await stopsOf(next)).toEqual(["publisher_stopped"]);
});

test("a real nginx relays a real publish under the video's URL and reports its end", async () => {
  const { channelId, streamKey } = await newChannel();
  const publisher = publish(`${nginx.rtmpUrl}/${streamKey}`, { seconds: 60 });
  try {
    await until(async () => (await openBroadcast(channelId))?.state === "live", 8000).catch(
      async (cause: unknown) => {
        throw new Error(await nginx.readLog(), { cause });
      },
    );
    expect(await openBroadcast(channelId)).toMatchObject({
      state: "live",
      node_id: NGINX_RTMP_NODE,
    });
    const [video] = await videosOf(channelId);
    expect(video?.status).toBe("RUNNING");
    await until(
      async () => (await readdir(nginx.hlsDirectory)).includes(`${video?.url}.m3u8`),
      8000,
    )
      .catch(async (cause: unknown) => {
        throw new Error(await nginx.readLog(), { cause });
      });
    const streams = await probeStreams(`rtmp://127.0.0.1:${nginx.port}/hls-live/${video?.url}`);
    expect(streams.map(({ codec_name: name }) => name).toSorted()).toEqual(["aac", "h264"]);
  } finally {
    await publisher.stop();
  }
  await until(async () => await openBroadcast(channelId) === undefined, 5000);
  expect((await videosOf(channelId)).map(({ status }) => status)).toEqual(["ENDED"]);
});

test("a real nginx refuses a publish with a wrong key", async () => {
  const before = await app.deps.db.selectFrom("broadcasts").select("id").execute();
  const publisher = publish(`${nginx.rtmpUrl}/sk_wrong`, { seconds: 30 });
  const { code } = await publisher.exited;
  expect(code).not.toBe(0);
  expect(await app.deps.db.selectFrom("broadcasts").select("id").execute()).toEqual(before);
  const log = await nginx.readLog();
  expect(log).toContain("publish: name='sk_wrong'");
  expect(log).not.toContain("push 'sk_wrong'");
});
