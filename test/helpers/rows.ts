/**
 * Rows to start from, written straight into the database.
 */
import type { Kysely } from "kysely";
import type { Database } from "#db/schema.ts";
import { newId, newVideoUrl, randomName } from "#shared/ids.ts";

/** A user nobody can sign in as. */
export async function insertUser(db: Kysely<Database>): Promise<string> {
  const id = newId();
  const username = `u${randomName(12)}`;
  await db.insertInto("users")
    .values({ id, username, username_key: username, password_hash: "none" }).execute();
  return id;
}

export type TestChannel = {
  readonly userId: string;
  readonly channelId: string;
  readonly streamKeyHash: Uint8Array;
};

/** A user with a channel whose stream key has the hash given (default: a random one). */
export async function insertChannel(
  db: Kysely<Database>,
  streamKeyHash: Uint8Array = crypto.getRandomValues(new Uint8Array(32)),
): Promise<TestChannel> {
  const userId = await insertUser(db);
  const channelId = newId();
  await db.insertInto("channels").values({
    id: channelId,
    user_id: userId,
    stream_key_hash: streamKeyHash,
    stream_key_sealed: new Uint8Array(28),
  }).execute();
  return { userId, channelId, streamKeyHash };
}

/** A CREATED video of the channel. */
export async function insertVideo(
  db: Kysely<Database>,
  channelId: string,
  title: string = "A video",
): Promise<string> {
  const id = newId();
  await db.insertInto("videos").values({ id, channel_id: channelId, url: newVideoUrl(), title })
    .execute();
  return id;
}
