/**
 * Videos: what viewers see of a channel.
 */
import type { Kysely, Transaction } from "kysely";
import { newId, newVideoUrl } from "#shared/ids.ts";
import { clipPrefixes } from "./clips.ts";
import { forgetThumbnails } from "./images.ts";
import { type Page, type Paged, toPaged } from "./page.ts";
import { type Param, prepareStatement } from "./driver/prepared.ts";
import type { BroadcastState, Database, RemovalReason, VideoStatus } from "./schema.ts";
import { type AttachedImage, toAttachedImage } from "./users.ts";

/** What is kept of a broadcast; bytes are null once it is removed. */
export type Recording =
  | { readonly status: "available"; readonly bytes: number }
  | { readonly status: "removed"; readonly removedAt: Date; readonly because: RemovalReason };

export type Video = {
  readonly id: string;
  readonly channelId: string;
  readonly url: string;
  readonly title: string;
  readonly description: string | null;
  readonly status: VideoStatus;
  readonly thumbnail: AttachedImage | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly durationMs: number | null;
  /** Null before the end, and when nothing was kept. */
  readonly recording: Recording | null;
  readonly hasStoryboard: boolean;
  readonly createdAt: Date;
};

export type NewVideo = {
  /** Owner of the channel it goes into. */
  readonly userId: string;
  readonly title: string;
  readonly description: string | null;
};

const OWN_COLUMNS = [
  "id",
  "channel_id as channelId",
  "url",
  "title",
  "description",
  "status",
  "started_at as startedAt",
  "ended_at as endedAt",
  "duration_ms as durationMs",
  "created_at as createdAt",
] as const;

const insertIntoOwn = prepareStatement(
  (db, param: Param<NewVideo & { id: string; url: string }>) =>
    db.insertInto("videos").columns(["id", "channel_id", "url", "title", "description"])
      .expression((query) =>
        query.selectFrom("channels").select((eb) => [
          eb.cast<string>(eb.val(param("id")), "uuid").as("id"),
          eb.ref("channels.id").as("channel_id"),
          eb.cast<string>(eb.val(param("url")), "text").as("url"),
          eb.cast<string>(eb.val(param("title")), "text").as("title"),
          eb.cast<string | null>(eb.val(param("description")), "text").as("description"),
        ]).where("user_id", "=", param("userId"))
      ).returning(OWN_COLUMNS),
);

/** A new video in the user's channel; undefined when there is no channel. One statement. */
export async function insertVideo(
  db: Kysely<Database>,
  video: NewVideo,
): Promise<Video | undefined> {
  const [row] = await insertIntoOwn(db, { ...video, id: newId(), url: newVideoUrl() });
  return row === undefined ? undefined : {
    ...row,
    thumbnail: null,
    recording: null,
    hasStoryboard: false,
  };
}

/** Which videos: of a user's channel, of a channel, with a status, by id or `url`. */
export type VideoFilter = {
  readonly userId?: string;
  readonly channelId?: string;
  readonly status?: VideoStatus;
  readonly id?: string;
  readonly url?: string;
  /** Leaves out those of disabled channels. */
  readonly isPublic?: boolean;
};

/** The video that `filter` names. */
export async function findVideo(
  db: Kysely<Database>,
  filter: VideoFilter,
): Promise<Video | undefined> {
  const row = await selectVideos(db, filter).executeTakeFirst();
  return row === undefined ? undefined : toVideo(row);
}

/** A page of the videos that `filter` names. */
export async function listVideos(
  db: Kysely<Database>,
  filter: VideoFilter,
  page: Page,
): Promise<Paged<Video>> {
  const rows = await selectVideos(db, filter)
    .$if(page.after !== null, (query) => query.where("v.id", "<", page.after ?? ""))
    .orderBy("v.id", "desc").limit(page.limit + 1).execute();
  return toPaged(rows.map(toVideo), page);
}

export type VideoChanges = { readonly title?: string; readonly description?: string | null };

/** Applies `changes` to a video of the user; undefined when it is not one. */
export async function updateOwnVideo(
  db: Kysely<Database>,
  video: { readonly id: string; readonly userId: string },
  changes: VideoChanges,
): Promise<Video | undefined> {
  const row = await db.updateTable("videos").set({ ...changes, updated_at: new Date() })
    .where("id", "=", video.id)
    .where(
      "channel_id",
      "in",
      (eb) => eb.selectFrom("channels").select("channels.id").where("user_id", "=", video.userId),
    )
    .returning("id").executeTakeFirst();
  return row === undefined ? undefined : await findVideo(db, { id: row.id });
}

/** `live`: the video has a broadcast that runs or is about to, so it stays. */
export type VideoDeletion =
  | { readonly outcome: "deleted"; readonly prefixes: readonly string[] }
  | { readonly outcome: "live" }
  | { readonly outcome: "unknown" };

/** Deletes a video of the user unless it is live; what storage holds of it lies below `prefixes`. */
export async function deleteOwnVideo(
  db: Kysely<Database>,
  video: { readonly id: string; readonly userId: string },
): Promise<VideoDeletion> {
  return await db.transaction().execute(async (trx): Promise<VideoDeletion> => {
    // The channel's lock keeps a publisher from choosing this video meanwhile.
    const channel = await trx.selectFrom("channels").select("id")
      .where("user_id", "=", video.userId).forNoKeyUpdate().executeTakeFirst();
    if (channel === undefined) return { outcome: "unknown" };
    const row = await trx.selectFrom("videos as v")
      .leftJoin(
        "broadcasts as b",
        (join) => join.onRef("b.video_id", "=", "v.id").on("b.state", "<>", "ended"),
      )
      .select(["v.url", "v.status", "v.thumbnail_id", "b.id as broadcastId"])
      .where("v.id", "=", video.id).where("v.channel_id", "=", channel.id).executeTakeFirst();
    if (row === undefined) return { outcome: "unknown" };
    if (row.status === "RUNNING" || row.broadcastId !== null) return { outcome: "live" };
    const clips = await clipPrefixes(trx, { videoId: video.id });
    await trx.deleteFrom("videos").where("id", "=", video.id).execute();
    return { outcome: "deleted", prefixes: [...await forgetVideos(trx, [row]), ...clips] };
  });
}

type DeletedVideo = { readonly url: string; readonly thumbnail_id: string | null };

/**
 * Deletes the thumbnails that no other video shares, after the rows of `videos` are gone, and names
 * everything that storage holds of them by its prefixes.
 */
export async function forgetVideos(
  trx: Transaction<Database>,
  videos: readonly DeletedVideo[],
): Promise<readonly string[]> {
  const recordings = videos.map(({ url }) => `videos/${url}/`);
  const imageIds = videos.flatMap(({ thumbnail_id: id }) => id === null ? [] : [id]);
  return [...recordings, ...await forgetThumbnails(trx, imageIds)];
}

function selectVideos(db: Kysely<Database>, filter: VideoFilter) {
  const { userId, channelId, status, id, url } = filter;
  let query = db.selectFrom("videos as v").leftJoin("images as i", "i.id", "v.thumbnail_id")
    .leftJoin(
      "broadcasts as b",
      (join) => join.onRef("b.video_id", "=", "v.id").on("b.started_at", "is not", null),
    )
    .select([
      "v.id",
      "v.channel_id as channelId",
      "v.url",
      "v.title",
      "v.description",
      "v.status as videoStatus",
      "v.started_at as startedAt",
      "v.ended_at as endedAt",
      "v.duration_ms as durationMs",
      "v.recording_removed_at as removedAt",
      "v.recording_removed_reason as removedReason",
      "v.storyboard_at as storyboardAt",
      "b.state as broadcastState",
      "b.recorded_bytes as recordedBytes",
      "v.created_at as createdAt",
      "i.id as imageId",
      "i.version",
      "i.status",
      "i.variants",
      "i.failure_code as failureCode",
      "i.failure_detail as failureDetail",
    ]);
  if (id !== undefined) query = query.where("v.id", "=", id);
  if (url !== undefined) query = query.where("v.url", "=", url);
  if (status !== undefined) query = query.where("v.status", "=", status);
  if (channelId !== undefined) query = query.where("v.channel_id", "=", channelId);
  if (userId !== undefined) {
    query = query.where(
      "v.channel_id",
      "in",
      (eb) => eb.selectFrom("channels").select("channels.id").where("user_id", "=", userId),
    );
  }
  if (filter.isPublic === true) {
    query = query.where(
      "v.channel_id",
      "in",
      (eb) => eb.selectFrom("channels").select("channels.id").where("disabled_at", "is", null),
    );
  }
  return query;
}

type VideoRow = Awaited<ReturnType<ReturnType<typeof selectVideos>["execute"]>>[number];

function toVideo(row: VideoRow): Video {
  const { id, channelId, url, title, description, startedAt, endedAt, durationMs, createdAt } = row;
  return {
    ...{ id, channelId, url, title, description, status: row.videoStatus },
    thumbnail: toAttachedImage(row),
    recording: toRecording(row),
    hasStoryboard: row.storyboardAt !== null,
    ...{ startedAt, endedAt, durationMs, createdAt },
  };
}

type RecordingColumns = {
  readonly removedAt: Date | null;
  readonly removedReason: RemovalReason | null;
  readonly broadcastState: BroadcastState | null;
  readonly recordedBytes: number | null;
};

function toRecording(row: RecordingColumns): Recording | null {
  const { removedAt, removedReason, broadcastState, recordedBytes } = row;
  if (removedAt !== null && removedReason !== null) {
    return { status: "removed", removedAt, because: removedReason };
  }
  if (broadcastState !== "ended" || recordedBytes === null || recordedBytes === 0) return null;
  return { status: "available", bytes: recordedBytes };
}
