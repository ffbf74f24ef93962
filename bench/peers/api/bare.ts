/**
 * The three measured routes as one would write them by hand on Hono and postgres.js: no validation,
 * no problem bodies, no deadlines, no headers of its own.
 */
import { Hono } from "hono";
import { jwt } from "hono/jwt";
import postgres from "postgres";
import { hashStreamKey, isServiceToken, newId, newVideoUrl, openStreamKey } from "./src/keys.js";
import { settings } from "./src/settings.js";

type Env = { Variables: { jwtPayload: { sub: string } } };
type Publisher = {
  nodeId: string;
  nodeInstanceId: string;
  publisherId: string;
  streamKey: string;
};

const sql = postgres(settings.databaseUrl, { max: 8, fetch_types: false });
const secret = await crypto.subtle.importKey(
  "raw",
  settings.accessKey,
  { name: "HMAC", hash: "SHA-256" },
  false,
  ["verify"],
);

const app = new Hono<Env>();
app.use("/user/*", jwt({ secret, alg: "HS256" }));

app.get("/user/channel", async (c) => {
  const [channel] = await sql`
    select id, user_id as "userId", title, description, status, latency, recording, ladder,
           reconnect_window_s as "reconnectWindowSeconds", disabled_at as "disabledAt",
           created_at as "createdAt", stream_key_sealed as sealed
    from channels where user_id = ${c.get("jwtPayload").sub}`;
  if (channel === undefined) return c.notFound();
  const { sealed, ...body } = channel;
  const ingestUrl = "rtmp://localhost:1935/streaming";
  return c.json({ ...body, streamKey: openStreamKey(channel["id"], sealed), ingestUrl });
});

app.post("/user/channel/videos", async (c) => {
  const { title, description = null } = await c.req.json();
  const [video] = await sql`
    insert into videos (id, channel_id, url, title, description)
    select ${newId()}::uuid, id, ${newVideoUrl()}::text, ${title}::text, ${description}::text
    from channels where user_id = ${c.get("jwtPayload").sub}
    returning id, channel_id as "channelId", url, title, description, status,
              started_at as "startedAt", ended_at as "endedAt", duration_ms as "durationMs",
              created_at as "createdAt"`;
  if (video === undefined) return c.notFound();
  const playbackUrl = `http://localhost:8080/hls-live/${video["url"]}.m3u8`;
  return c.json({ ...video, thumbnail: null, playbackUrl }, 201);
});

app.post("/control/authorise", async (c) => {
  const token = c.req.header("authorization")?.slice("Bearer ".length) ?? "";
  if (!isServiceToken(token)) return c.body(null, 401);
  const publisher: Publisher = await c.req.json();
  const [channel] = await sql`
    select c.id, c.disabled_at, c.latency, c.recording, c.ladder, c.reconnect_window_s,
           b.id as broadcast_id, b.epoch, b.state, b.publisher_id,
           v.id as video_id, v.url, v.thumbnail_id
    from channels c
    left join broadcasts b on b.channel_id = c.id and b.state <> 'ended'
    left join videos v on v.id = b.video_id
    where c.stream_key_hash = ${hashStreamKey(publisher.streamKey)}`;
  if (channel === undefined || channel["disabled_at"] !== null) return c.body(null, 400);
  const place = channel["publisher_id"] === publisher.publisherId
    ? channel
    : await sql.begin((tx) => takePlace(tx, channel["id"], publisher));
  if (place === undefined) return c.body(null, 400);
  return c.json({
    broadcastId: place["broadcast_id"],
    epoch: place["epoch"],
    isResumed: false,
    channelId: channel["id"],
    videoId: place["video_id"],
    videoUrl: place["url"],
    wantsThumbnail: place["thumbnail_id"] === null,
    settings: {
      latency: channel["latency"],
      recording: channel["recording"],
      ladder: channel["ladder"],
      reconnectWindowMs: channel["reconnect_window_s"] * 1000,
    },
  });
});

async function takePlace(tx: postgres.TransactionSql, channelId: string, publisher: Publisher) {
  await tx`select id from channels where id = ${channelId} for no key update`;
  const [open] = await tx`
    select b.id, b.state, v.id as video_id, v.url, v.thumbnail_id
    from broadcasts b join videos v on v.id = b.video_id
    where b.channel_id = ${channelId} and b.state <> 'ended'`;
  if (open !== undefined) {
    if (open["state"] !== "authorised") return undefined;
    const id = newId();
    await tx`
      update broadcasts set id = ${id}, epoch = 1, node_id = ${publisher.nodeId},
             node_instance_id = ${publisher.nodeInstanceId},
             publisher_id = ${publisher.publisherId}, seen_at = now()
      where id = ${open["id"]}`;
    return { ...open, broadcast_id: id, epoch: 1 };
  }
  const [video] = await tx`
    select id as video_id, url, thumbnail_id from videos
    where channel_id = ${channelId} and status = 'CREATED' order by id limit 1`;
  if (video === undefined) return undefined;
  const id = newId();
  await tx`
    insert into broadcasts (id, channel_id, video_id, node_id, node_instance_id, publisher_id)
    values (${id}, ${channelId}, ${video["video_id"]}, ${publisher.nodeId},
            ${publisher.nodeInstanceId}, ${publisher.publisherId})`;
  return { ...video, broadcast_id: id, epoch: 1 };
}

const server = Bun.serve({ port: settings.port, hostname: "127.0.0.1", fetch: app.fetch });
console.log(JSON.stringify({ port: server.port }));
