import { afterAll, beforeAll, expect, test } from "vitest";
import { insertChannel, insertVideo, type TestChannel } from "#test/helpers/rows.ts";
import { createTestDatabase, type TestDatabase } from "#test/helpers/database.ts";
import { type AuthoriseInput, authorisePublisher } from "./authorise.ts";
import { reportStarted } from "./broadcast-reports.ts";
import { LEASE_MS, NGINX_RTMP_NODE, requestStop } from "./broadcasts.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ poolSize: 8 });
});
afterAll(() => database.close());

const NODE = {
  nodeId: "node-a",
  nodeInstanceId: crypto.randomUUID(),
  remoteAddress: "192.0.2.1",
};

function authorise(
  channel: Pick<TestChannel, "streamKeyHash">,
  more: Partial<AuthoriseInput> = {},
) {
  const { streamKeyHash } = channel;
  const publisherId = crypto.randomUUID();
  const now = new Date();
  return authorisePublisher(database.db, { streamKeyHash, publisherId, now, ...NODE, ...more });
}

async function start(ref: { broadcastId: string; epoch: number }, nodeId = NODE.nodeId) {
  const startedAt = new Date().toISOString();
  const source = { video: null, audio: null, encoder: null };
  const renditions = [{ name: "high" as const, width: 1280, height: 720, isCopy: true }];
  const { broadcastId, epoch } = ref;
  await reportStarted(
    database.db,
    { nodeId, broadcastId, epoch, startedAt, source, renditions },
    new Date(),
  );
}

const videoRow = (id: string) =>
  database.db.selectFrom("videos").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
const broadcastRow = (id: string) =>
  database.db.selectFrom("broadcasts").selectAll().where("id", "=", id).executeTakeFirst();
const channelStatus = async (id: string) =>
  (await database.db.selectFrom("channels").select("status").where("id", "=", id)
    .executeTakeFirstOrThrow()).status;

async function count(channelId: string) {
  const videos = await database.db.selectFrom("videos").select("id")
    .where("channel_id", "=", channelId).execute();
  const broadcasts = await database.db.selectFrom("broadcasts").select("id")
    .where("channel_id", "=", channelId).execute();
  return { videos: videos.length, broadcasts: broadcasts.length };
}

test("authorisePublisher() refuses an unknown key and stores nothing", async () => {
  const streamKeyHash = new Uint8Array(32).fill(7);
  await expect(authorise({ streamKeyHash })).rejects.toMatchObject({ code: "UNKNOWN_STREAM_KEY" });
  const rows = await database.db.selectFrom("broadcasts").select("id").execute();
  expect(rows).toEqual([]);
});

test("authorisePublisher() refuses a disabled channel", async () => {
  const channel = await insertChannel(database.db);
  await insertVideo(database.db, channel.channelId);
  await database.db.updateTable("channels").set({ disabled_at: new Date() })
    .where("id", "=", channel.channelId).execute();
  await expect(authorise(channel)).rejects.toMatchObject({ code: "CHANNEL_DISABLED", status: 400 });
});

test("authorisePublisher() refuses a channel that never had a video, in a sentence", async () => {
  const channel = await insertChannel(database.db);
  await expect(authorise(channel)).rejects.toMatchObject({
    code: "CHANNEL_HAS_NO_VIDEO",
    detail: expect.stringMatching(/^This channel has no video .*\.$/),
  });
});

test("authorisePublisher() takes the oldest CREATED video and changes neither it nor the channel", async () => {
  const channel = await insertChannel(database.db);
  const oldest = await insertVideo(database.db, channel.channelId);
  await insertVideo(database.db, channel.channelId);
  const answer = await authorise(channel);
  const video = await videoRow(oldest);
  expect(answer).toEqual({
    broadcastId: answer.broadcastId,
    epoch: 1,
    isResumed: false,
    channelId: channel.channelId,
    videoId: oldest,
    videoUrl: video.url,
    wantsThumbnail: true,
    settings: { latency: "low", recording: true, ladder: "auto", reconnectWindowMs: 60_000 },
  });
  expect(video.status).toBe("CREATED");
  expect(await channelStatus(channel.channelId)).toBe("IDLE");
  expect(await broadcastRow(answer.broadcastId)).toMatchObject({ state: "authorised" });
});

test("authorisePublisher() copies title and thumbnail of the latest video when none is CREATED", async () => {
  const { db } = database;
  const channel = await insertChannel(db);
  const first = await insertVideo(db, channel.channelId, "First");
  const second = await insertVideo(db, channel.channelId, "Second");
  const imageId = crypto.randomUUID();
  await db.insertInto("images").values({
    id: imageId,
    user_id: channel.userId,
    purpose: "thumbnail",
  })
    .execute();
  await db.updateTable("videos").set({ status: "ENDED" }).where("id", "in", [first, second])
    .execute();
  await db.updateTable("videos").set({ thumbnail_id: imageId }).where("id", "=", second).execute();
  const answer = await authorise(channel);
  expect(answer.wantsThumbnail).toBe(false);
  const made = await videoRow(answer.videoId);
  expect(made).toMatchObject({ title: "Second", thumbnail_id: imageId, status: "CREATED" });
  expect([first, second]).not.toContain(made.id);
  expect(made.url).toMatch(/^[a-z0-9]{12}$/);
});

test("authorisePublisher() answers 50 requests of one publisher at once with one broadcast", async () => {
  const channel = await insertChannel(database.db);
  await insertVideo(database.db, channel.channelId);
  const publisherId = crypto.randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => authorise(channel, { publisherId })),
  );
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(await count(channel.channelId)).toEqual({ videos: 1, broadcasts: 1 });
});

test("authorisePublisher() lets 50 publishers at once leave one broadcast and one video", async () => {
  const channel = await insertChannel(database.db);
  await insertVideo(database.db, channel.channelId);
  const answers = await Promise.all(Array.from({ length: 50 }, () => authorise(channel)));
  expect(new Set(answers.map(({ videoId }) => videoId)).size).toBe(1);
  expect(new Set(answers.map(({ broadcastId }) => broadcastId)).size).toBe(50);
  expect(await count(channel.channelId)).toEqual({ videos: 1, broadcasts: 1 });
});

test("authorisePublisher() resumes on the same node, with the next epoch after its restart", async () => {
  const channel = await insertChannel(database.db);
  await insertVideo(database.db, channel.channelId);
  const first = await authorise(channel);
  await start(first);
  const again = await authorise(channel);
  expect(again).toEqual({ ...first, isResumed: true });
  const nodeInstanceId = crypto.randomUUID();
  const publisherId = crypto.randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => authorise(channel, { nodeInstanceId, publisherId })),
  );
  expect(answers).toEqual(Array.from({ length: 5 }, () => ({ ...again, epoch: 2 })));
  await expect(start(first)).rejects.toMatchObject({ code: "STALE_EPOCH" });
});

test("authorisePublisher() refuses another node while the lease is fresh", async () => {
  const channel = await insertChannel(database.db);
  await insertVideo(database.db, channel.channelId);
  await start(await authorise(channel));
  await expect(authorise(channel, { nodeId: "node-b" })).rejects
    .toMatchObject({ code: "ALREADY_LIVE", status: 400 });
});

test("authorisePublisher() ends a broadcast whose node is lost and begins another", async () => {
  const channel = await insertChannel(database.db);
  await insertVideo(database.db, channel.channelId, "Lost");
  const lost = await authorise(channel);
  await start(lost);
  const now = new Date(Date.now() + LEASE_MS + 1000);
  const next = await authorise(channel, { nodeId: "node-b", now });
  expect(next).toMatchObject({ isResumed: false, epoch: 1 });
  expect(next.videoId).not.toBe(lost.videoId);
  expect(await broadcastRow(lost.broadcastId)).toMatchObject({
    state: "ended",
    end_reason: "node_lost",
  });
  expect(await videoRow(lost.videoId)).toMatchObject({ status: "ENDED" });
  expect(await videoRow(next.videoId)).toMatchObject({ status: "CREATED", title: "Lost" });
  expect(await channelStatus(channel.channelId)).toBe("IDLE");
});

test("authorisePublisher() replaces a publisher that never started, from any node", async () => {
  const channel = await insertChannel(database.db);
  await insertVideo(database.db, channel.channelId);
  const first = await authorise(channel);
  const second = await authorise(channel, { nodeId: "node-b" });
  expect(second).toMatchObject({ isResumed: false, videoId: first.videoId });
  expect(second.broadcastId).not.toBe(first.broadcastId);
  await expect(start(first)).rejects.toMatchObject({ code: "STALE_EPOCH" });
  await start(second, "node-b");
});

test("authorisePublisher() does not resume a broadcast that was asked to stop", async () => {
  const channel = await insertChannel(database.db);
  await insertVideo(database.db, channel.channelId);
  const stopped = await authorise(channel);
  await start(stopped);
  await requestStop(database.db, { channelId: channel.channelId, reason: "key_revoked" });
  const next = await authorise(channel);
  expect(next.broadcastId).not.toBe(stopped.broadcastId);
  expect(await broadcastRow(stopped.broadcastId)).toMatchObject({
    state: "ended",
    end_reason: "key_revoked",
  });
});

test("authorisePublisher() hands a broadcast of an nginx-rtmp in front to the media node", async () => {
  const channel = await insertChannel(database.db);
  await insertVideo(database.db, channel.channelId);
  const inFront = await authorise(channel, { nodeId: NGINX_RTMP_NODE });
  await start(inFront, NGINX_RTMP_NODE);
  const taken = await authorise(channel);
  expect(taken).toEqual({ ...inFront, epoch: 2, isResumed: false });
  await start(taken);
  expect(await broadcastRow(taken.broadcastId)).toMatchObject({ node_id: NODE.nodeId });
});
