/**
 * MP4 downloads: one at a time per recording and per clip, asked for by the owner, reported by a
 * media worker.
 */
import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import type { DownloadReport } from "#shared/contracts/control.ts";
import { AppError } from "#shared/errors.ts";
import { recordingKey } from "#shared/hls/recorded-playlist.ts";
import { newId } from "#shared/ids.ts";
import { addToOutbox } from "./outbox.ts";
import type { Database, DownloadsTable } from "./schema.ts";

export type Download = Selectable<DownloadsTable>;

/** Of the recording of a video of the user, or of one of its clips. */
export type DownloadOf = {
  readonly userId: string;
  readonly videoId: string;
  readonly clipId: string | null;
};

/** The download with the title its file gets. */
export type TitledDownload = Download & { readonly title: string };

/** The newest download; undefined when nobody asked for one, or it is none of theirs. */
export async function findDownload(
  db: Kysely<Database>,
  of: DownloadOf,
): Promise<TitledDownload | undefined> {
  return await db.selectFrom("downloads as d").innerJoin("videos as v", "v.id", "d.video_id")
    .innerJoin("channels as c", "c.id", "v.channel_id")
    .leftJoin("clips", "clips.id", "d.clip_id")
    .selectAll("d").select((eb) => eb.fn.coalesce("clips.title", "v.title").as("title"))
    .where("d.video_id", "=", of.videoId).where("d.clip_id", "is not distinct from", of.clipId)
    .where("c.user_id", "=", of.userId)
    .executeTakeFirst();
}

/**
 * The download that is there, or a new one with its job when there is none or the last one failed.
 * @throws AppError NOT_FOUND, NO_RECORDING
 */
export async function requestDownload(db: Kysely<Database>, of: DownloadOf): Promise<Download> {
  return await db.transaction().execute(async (trx) => {
    const url = await lockRecording(trx, of);
    const before = await trx.selectFrom("downloads").selectAll()
      .where("video_id", "=", of.videoId).where("clip_id", "is not distinct from", of.clipId)
      .executeTakeFirst();
    if (before !== undefined && before.status !== "failed") return before;
    if (before !== undefined) {
      await trx.deleteFrom("downloads").where("id", "=", before.id).execute();
    }
    return await insertDownload(trx, of, url);
  });
}

async function insertDownload(
  trx: Transaction<Database>,
  { videoId, clipId }: DownloadOf,
  url: string,
): Promise<Download> {
  const id = newId();
  const storageKey = `videos/${url}/download/${id}.mp4`;
  await addToOutbox(trx, {
    kind: "download",
    downloadId: id,
    playlistKey: recordingKey(url),
    targetKey: storageKey,
  });
  return await trx.insertInto("downloads")
    .values({ id, video_id: videoId, clip_id: clipId, storage_key: storageKey })
    .returningAll().executeTakeFirstOrThrow();
}

/** The `url` of what is to be downloaded; its video is locked, so that its recording stays. */
async function lockRecording(trx: Transaction<Database>, of: DownloadOf): Promise<string> {
  const video = await trx.selectFrom("videos as v").innerJoin(
    "channels as c",
    "c.id",
    "v.channel_id",
  )
    .leftJoin(
      "broadcasts as b",
      (join) => join.onRef("b.video_id", "=", "v.id").on("b.started_at", "is not", null),
    )
    .leftJoin(
      "clips",
      (join) => join.on("clips.id", "=", of.clipId).onRef("clips.video_id", "=", "v.id"),
    )
    .select([
      "v.url",
      "v.recording_removed_at as removedAt",
      "b.state",
      "b.recorded_bytes as bytes",
      "clips.url as clipUrl",
    ])
    .where("v.id", "=", of.videoId).where("c.user_id", "=", of.userId)
    .forNoKeyUpdate("v").executeTakeFirst();
  if (video === undefined) throw new AppError("NOT_FOUND", "you have no such video");
  if (of.clipId !== null && video.clipUrl === null) {
    throw new AppError("NOT_FOUND", "the video has no such clip");
  }
  if (video.removedAt !== null) {
    throw new AppError("NO_RECORDING", "the recording was removed to make room");
  }
  if (video.state !== "ended" || video.bytes === null || video.bytes === 0) {
    throw new AppError("NO_RECORDING", "the video has no finished recording");
  }
  return of.clipId === null ? video.url : video.clipUrl ?? "";
}

/** Takes a media worker's report; false when nobody wants the file any more. */
export async function reportDownload(
  db: Kysely<Database>,
  report: DownloadReport,
): Promise<boolean> {
  const row = await db.updateTable("downloads")
    .set({ ...changesOf(report), updated_at: sql<Date>`now()` })
    .where("id", "=", report.downloadId)
    // A late word never takes back that it is ready.
    .where((eb) => report.status === "ready" ? eb.lit(true) : eb("status", "<>", "ready"))
    .returning("id").executeTakeFirst();
  if (row !== undefined) return true;
  const known = await db.selectFrom("downloads").select("id")
    .where("id", "=", report.downloadId).executeTakeFirst();
  return known !== undefined;
}

function changesOf(report: DownloadReport) {
  switch (report.status) {
    case "running": {
      // A second attempt begins from the start; what was shown stays.
      const progress = sql<number>`greatest(progress, ${report.progress}::float8)`;
      return { status: "running", progress } as const;
    }
    case "ready":
      return {
        status: "ready",
        progress: 1,
        bytes: report.bytes,
        failure_code: null,
        failure_detail: null,
      } as const;
    case "failed":
      return {
        status: "failed",
        failure_code: report.code,
        failure_detail: report.detail,
      } as const;
  }
}
