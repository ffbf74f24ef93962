/**
 * Channels: a user's one place to publish.
 */
import type { Kysely } from "kysely";
import type { LadderPolicy, Latency } from "#shared/contracts/broadcast.ts";
import { AppError } from "#shared/errors.ts";
import { clipPrefixes } from "./clips.ts";
import { isUniqueViolation } from "./errors.ts";
import { type Page, type Paged, toPaged } from "./page.ts";
import { type Param, prepareStatement } from "./driver/prepared.ts";
import type { ChannelStatus, Database } from "./schema.ts";
import { forgetVideos } from "./videos.ts";

/** A channel as its owner sees it, the key still sealed. */
export type Channel = {
  readonly id: string;
  readonly userId: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly status: ChannelStatus;
  readonly latency: Latency;
  readonly recording: boolean;
  readonly ladder: LadderPolicy;
  readonly reconnectWindowSeconds: number;
  readonly retentionDays: number | null;
  readonly recordingBudgetBytes: number | null;
  readonly disabledAt: Date | null;
  readonly createdAt: Date;
  readonly streamKeySealed: Uint8Array;
};

/** A channel as everybody sees it. */
export type PublicChannel = {
  readonly id: string;
  readonly userId: string;
  readonly username: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly status: ChannelStatus;
  readonly createdAt: Date;
};

const OWNER_COLUMNS = [
  "id",
  "user_id as userId",
  "title",
  "description",
  "status",
  "latency",
  "recording",
  "ladder",
  "reconnect_window_s as reconnectWindowSeconds",
  "retention_days as retentionDays",
  "recording_budget_bytes as recordingBudgetBytes",
  "disabled_at as disabledAt",
  "created_at as createdAt",
  "stream_key_sealed as streamKeySealed",
] as const;

export type NewChannel = {
  readonly id: string;
  readonly userId: string;
  readonly streamKeyHash: Uint8Array;
  readonly streamKeySealed: Uint8Array;
};

/** A new channel. @throws AppError CHANNEL_EXISTS */
export async function insertChannel(db: Kysely<Database>, channel: NewChannel): Promise<Channel> {
  try {
    return await db.insertInto("channels").values({
      id: channel.id,
      user_id: channel.userId,
      stream_key_hash: channel.streamKeyHash,
      stream_key_sealed: channel.streamKeySealed,
    }).returning(OWNER_COLUMNS).executeTakeFirstOrThrow();
  } catch (error) {
    if (!isUniqueViolation(error, "channels_user_unique")) throw error;
    throw new AppError("CHANNEL_EXISTS", "a user has one channel, and yours exists already", {
      cause: error,
    });
  }
}

const selectOwn = prepareStatement((db, param: Param<{ userId: string }>) =>
  db.selectFrom("channels").select(OWNER_COLUMNS).where("user_id", "=", param("userId"))
);

/** The channel of a user. */
export async function findOwnChannel(
  db: Kysely<Database>,
  userId: string,
): Promise<Channel | undefined> {
  const [channel] = await selectOwn(db, { userId });
  return channel;
}

export type ChannelChanges = {
  readonly title?: string | null;
  readonly description?: string | null;
  readonly latency?: Latency;
  readonly recording?: boolean;
  readonly ladder?: LadderPolicy;
  readonly reconnectWindowSeconds?: number;
  readonly retentionDays?: number | null;
  readonly recordingBudgetBytes?: number | null;
};

/** Applies `changes` to the channel of a user. */
export async function updateOwnChannel(
  db: Kysely<Database>,
  userId: string,
  changes: ChannelChanges,
): Promise<Channel | undefined> {
  const { reconnectWindowSeconds, retentionDays, recordingBudgetBytes, ...same } = changes;
  return await db.updateTable("channels").set({
    ...same,
    ...(reconnectWindowSeconds === undefined ? {} : { reconnect_window_s: reconnectWindowSeconds }),
    ...(retentionDays === undefined ? {} : { retention_days: retentionDays }),
    ...(recordingBudgetBytes === undefined ? {} : { recording_budget_bytes: recordingBudgetBytes }),
    updated_at: new Date(),
  }).where("user_id", "=", userId).returning(OWNER_COLUMNS).executeTakeFirst();
}

export type StreamKeyChange = {
  readonly channelId: string;
  readonly streamKeyHash: Uint8Array;
  readonly streamKeySealed: Uint8Array;
};

/** Replaces the stream key; the old one is unknown from then on. */
export async function updateStreamKey(
  db: Kysely<Database>,
  change: StreamKeyChange,
): Promise<void> {
  await db.updateTable("channels").set({
    stream_key_hash: change.streamKeyHash,
    stream_key_sealed: change.streamKeySealed,
    updated_at: new Date(),
  }).where("id", "=", change.channelId).execute();
}

/** Deletes a channel with everything below it; what storage holds of it, by its prefixes. */
export async function deleteChannel(
  db: Kysely<Database>,
  channelId: string,
): Promise<readonly string[]> {
  return await db.transaction().execute(async (trx) => {
    // In the order in which everything locks: no publisher gets a video of it from here on.
    await trx.selectFrom("channels").select("id").where("id", "=", channelId).forUpdate().execute();
    const videos = await trx.selectFrom("videos").select(["url", "thumbnail_id"])
      .where("channel_id", "=", channelId).execute();
    const clips = await clipPrefixes(trx, { channelId });
    await trx.deleteFrom("channels").where("id", "=", channelId).execute();
    return [...await forgetVideos(trx, videos), ...clips];
  });
}

/** A channel as everybody sees it; a disabled one is not seen. */
export async function findPublicChannel(
  db: Kysely<Database>,
  channelId: string,
): Promise<PublicChannel | undefined> {
  return await selectPublic(db).where("c.id", "=", channelId).executeTakeFirst();
}

/** A page of all channels that are not disabled. */
export async function listPublicChannels(
  db: Kysely<Database>,
  page: Page,
): Promise<Paged<PublicChannel>> {
  const rows = await selectPublic(db)
    .$if(page.after !== null, (query) => query.where("c.id", "<", page.after ?? ""))
    .orderBy("c.id", "desc").limit(page.limit + 1).execute();
  return toPaged(rows, page);
}

function selectPublic(db: Kysely<Database>) {
  return db.selectFrom("channels as c").innerJoin("users as u", "u.id", "c.user_id").select([
    "c.id",
    "c.user_id as userId",
    "u.username",
    "c.title",
    "c.description",
    "c.status",
    "c.created_at as createdAt",
  ]).where("c.disabled_at", "is", null);
}
