/**
 * Clips: parts of a recording, with playlists of their own over its segments.
 */
import type { Kysely, Transaction } from "kysely";
import { newId } from "#shared/ids.ts";
import { type Page, type Paged, toPaged } from "./page.ts";
import type { Database } from "./schema.ts";

export type Clip = {
  readonly id: string;
  readonly videoId: string;
  readonly url: string;
  readonly title: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly createdAt: Date;
};

const COLUMNS = [
  "clips.id",
  "clips.video_id as videoId",
  "clips.url",
  "clips.title",
  "clips.start_ms as startMs",
  "clips.end_ms as endMs",
  "clips.created_at as createdAt",
] as const;

export type NewClip = Pick<Clip, "videoId" | "url" | "title" | "startMs" | "endMs">;

/** The row of a clip whose playlists are stored; undefined when its recording is gone by now. */
export async function insertClip(
  db: Kysely<Database>,
  { videoId, url, title, startMs, endMs }: NewClip,
): Promise<Clip | undefined> {
  return await db.transaction().execute(async (trx) => {
    // Locked: a removal that comes meanwhile finds this clip.
    const video = await trx.selectFrom("videos").select("id").where("id", "=", videoId)
      .where("recording_removed_at", "is", null).forNoKeyUpdate().executeTakeFirst();
    if (video === undefined) return undefined;
    return await trx.insertInto("clips")
      .values({ id: newId(), video_id: videoId, url, title, start_ms: startMs, end_ms: endMs })
      .returning(COLUMNS).executeTakeFirstOrThrow();
  });
}

export type OwnClips = { readonly userId: string; readonly videoId: string };

/** A page of the clips of a video of the user. */
export async function listClips(
  db: Kysely<Database>,
  own: OwnClips,
  page: Page,
): Promise<Paged<Clip>> {
  const rows = await selectOwn(db, own)
    .$if(page.after !== null, (query) => query.where("clips.id", "<", page.after ?? ""))
    .orderBy("clips.id", "desc").limit(page.limit + 1).execute();
  return toPaged(rows, page);
}

/** One of them. */
export async function findClip(
  db: Kysely<Database>,
  own: OwnClips & { readonly clipId: string },
): Promise<Clip | undefined> {
  return await selectOwn(db, own).where("clips.id", "=", own.clipId).executeTakeFirst();
}

/** Deletes it with its download; what storage holds of it, or undefined when there is none. */
export async function deleteClip(
  db: Kysely<Database>,
  own: OwnClips & { readonly clipId: string },
): Promise<string | undefined> {
  const clip = await findClip(db, own);
  if (clip === undefined) return undefined;
  await db.deleteFrom("clips").where("id", "=", clip.id).execute();
  return clipPrefix(clip.url);
}

/** Where the playlists and the download of a clip lie. */
export function clipPrefix(url: string): string {
  return `videos/${url}/`;
}

/** What storage holds of the clips of a video, or of all videos of a channel. */
export async function clipPrefixes(
  db: Kysely<Database> | Transaction<Database>,
  of: { readonly videoId: string } | { readonly channelId: string },
): Promise<readonly string[]> {
  const query = db.selectFrom("clips").innerJoin("videos", "videos.id", "clips.video_id")
    .select("clips.url");
  const clips =
    await ("videoId" in of
      ? query.where("clips.video_id", "=", of.videoId)
      : query.where("videos.channel_id", "=", of.channelId)).execute();
  return clips.map(({ url }) => clipPrefix(url));
}

function selectOwn(db: Kysely<Database>, { userId, videoId }: OwnClips) {
  return db.selectFrom("clips").innerJoin("videos as v", "v.id", "clips.video_id")
    .innerJoin("channels as c", "c.id", "v.channel_id")
    .select(COLUMNS)
    .where("clips.video_id", "=", videoId).where("c.user_id", "=", userId);
}
