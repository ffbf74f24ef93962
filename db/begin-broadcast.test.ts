import { afterAll, beforeAll, expect, test } from "vitest";
import { newId, newVideoUrl } from "#shared/ids.ts";
import { createTestDatabase, type TestDatabase } from "#test/helpers/database.ts";
import { beginOnIdleChannel } from "./begin-broadcast.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** A channel with two CREATED videos. */
async function createChannel() {
  const { db } = database;
  const [userId, channelId] = [newId(), newId()];
  const streamKeyHash = crypto.getRandomValues(new Uint8Array(32));
  const user = { id: userId, username: userId, username_key: userId, password_hash: "-" };
  await db.insertInto("users").values(user).execute();
  await db.insertInto("channels").values({
    id: channelId,
    user_id: userId,
    stream_key_hash: streamKeyHash,
    stream_key_sealed: new Uint8Array(1),
  }).execute();
  const videos = [1, 2].map((hour) => ({
    id: newId(hour),
    channel_id: channelId,
    url: newVideoUrl(),
    title: "A title",
  }));
  await db.insertInto("videos").values(videos.toReversed()).execute();
  return { channelId, streamKeyHash, urls: videos.map(({ url }) => url) };
}

function newBroadcast(channel: { channelId: string; streamKeyHash: Uint8Array }) {
  const { channelId, streamKeyHash } = channel;
  const owner = { nodeId: "node", nodeInstanceId: newId(), publisherId: newId() };
  return { id: newId(), channelId, streamKeyHash, ...owner, now: new Date() };
}

async function countBroadcasts(channelId: string): Promise<number> {
  const rows = await database.db.selectFrom("broadcasts").select("id")
    .where("channel_id", "=", channelId).execute();
  return rows.length;
}

test("beginOnIdleChannel() takes the oldest CREATED video, for one of many at once", async () => {
  const channel = await createChannel();
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, () => beginOnIdleChannel(database.db, newBroadcast(channel))),
  );
  const begun = outcomes.filter((video) => video !== null);
  expect(begun.map(({ url, wantsPoster }) => ({ url, wantsPoster }))).toEqual([
    { url: channel.urls[0], wantsPoster: true },
  ]);
  expect(await countBroadcasts(channel.channelId)).toBe(1);
});

test("beginOnIdleChannel() writes nothing when the channel changed or has no video", async () => {
  const { db } = database;
  const rotated = await createChannel();
  const oldKey = newBroadcast({ ...rotated, streamKeyHash: new Uint8Array(32) });
  const disabled = await createChannel();
  await db.updateTable("channels").set({ disabled_at: new Date() })
    .where("id", "=", disabled.channelId).execute();
  const empty = await createChannel();
  await db.deleteFrom("videos").where("channel_id", "=", empty.channelId).execute();
  for (const broadcast of [oldKey, newBroadcast(disabled), newBroadcast(empty)]) {
    expect(await beginOnIdleChannel(db, broadcast)).toBeNull();
    expect(await countBroadcasts(broadcast.channelId)).toBe(0);
  }
});

test("beginOnIdleChannel() waits for a channel being disabled, then leaves it alone", async () => {
  const channel = await createChannel();
  const broadcast = newBroadcast(channel);
  const attempt = await database.db.transaction().execute(async (transaction) => {
    await transaction.updateTable("channels").set({ disabled_at: new Date() })
      .where("id", "=", channel.channelId).execute();
    const waiting = beginOnIdleChannel(database.db, broadcast);
    const first = await Promise.race([waiting, transaction.selectFrom("users").execute()]);
    expect(first).not.toBeNull();
    return { waiting };
  });
  expect(await attempt.waiting).toBeNull();
});
