/**
 * Images: one row per picture or thumbnail, a version per upload. `variants` are those of the newest
 * version that became ready, so the picture before is shown until the next one is.
 */
import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import type { ImageJob, ImagePurpose } from "#shared/contracts/jobs.ts";
import { newId } from "#shared/ids.ts";
import { addToOutbox, takeBackJob } from "./outbox.ts";
import type { Database, ImagesTable } from "./schema.ts";

export type ImageRow = Selectable<ImagesTable>;

const FOLDERS: Readonly<Record<ImagePurpose, string>> = {
  "profile-picture": "pictures",
  thumbnail: "thumbnails",
};

/** Where the variants of all versions of an image lie. */
export function imagePrefix(purpose: ImagePurpose, imageId: string): string {
  return `${FOLDERS[purpose]}/${imageId}/`;
}

/** Where the variants of one version lie: the job's `targetPrefix`. */
export function versionPrefix(purpose: ImagePurpose, imageId: string, version: number): string {
  return `${imagePrefix(purpose, imageId)}${version}`;
}

/** The row of a new upload, and the original of the one before when nobody will resize that. */
export type Uploaded = { readonly image: ImageRow; readonly supersededKey: string | null };

/** The user's profile picture is now the original under `sourceKey`: pending, with a job to resize it. */
export async function addProfilePicture(
  db: Kysely<Database>,
  userId: string,
  sourceKey: string,
): Promise<Uploaded | null> {
  return await db.transaction().execute(async (trx) => {
    const user = await trx.selectFrom("users").select(["id", "picture_id"])
      .where("id", "=", userId).forNoKeyUpdate().executeTakeFirst();
    if (user === undefined) return null;
    const upload = { userId, purpose: "profile-picture", sourceKey } as const;
    const uploaded = await addVersion(trx, user.picture_id, upload);
    await trx.updateTable("users").set({ picture_id: uploaded.image.id, updated_at: sql`now()` })
      .where("id", "=", userId).execute();
    return uploaded;
  });
}

/** Whether the video exists and belongs to the user, asked before an upload is read. */
export async function isOwnVideo(
  db: Kysely<Database>,
  userId: string,
  videoId: string,
): Promise<boolean> {
  const video = await db.selectFrom("videos as v").innerJoin(
    "channels as c",
    "c.id",
    "v.channel_id",
  )
    .select("v.id")
    .where("v.id", "=", videoId).where("c.user_id", "=", userId)
    .executeTakeFirst();
  return video !== undefined;
}

export type ThumbnailUpload = {
  readonly userId: string;
  readonly videoId: string;
  readonly sourceKey: string;
};

/** The same for a video of the user's channel; null when it is none of theirs. */
export async function addThumbnail(
  db: Kysely<Database>,
  { userId, videoId, sourceKey }: ThumbnailUpload,
): Promise<Uploaded | null> {
  return await db.transaction().execute(async (trx) => {
    const video = await trx.selectFrom("videos as v").innerJoin(
      "channels as c",
      "c.id",
      "v.channel_id",
    )
      .select(["v.id", "v.thumbnail_id"])
      .where("v.id", "=", videoId).where("c.user_id", "=", userId)
      .forNoKeyUpdate("v").executeTakeFirst();
    if (video === undefined) return null;
    const imageId = await isShared(trx, video.thumbnail_id) ? null : video.thumbnail_id;
    const uploaded = await addVersion(trx, imageId, { userId, purpose: "thumbnail", sourceKey });
    await setThumbnail(trx, videoId, uploaded.image.id);
    return uploaded;
  });
}

export type PosterOutcome =
  /** `prefixes`: where the variants lie that no video shows any more. */
  | { readonly isTaken: true; readonly prefixes: readonly string[] }
  /** The video has a thumbnail; `isKnown` when it came from this very frame. */
  | { readonly isTaken: false; readonly isKnown: boolean };

/**
 * Whether the video `v` with the thumbnail `i` (left join) still wants a frame of its broadcast: it has
 * no thumbnail, or only the frame of an earlier one.
 */
export const WANTS_POSTER = sql<boolean>`i.id is null or coalesce(i.poster_of <> v.id, false)`;

/** A frame of the broadcast becomes the thumbnail of its video, unless that has one of its own. */
export async function addPoster(
  trx: Transaction<Database>,
  videoId: string,
  sourceKey: string,
): Promise<PosterOutcome> {
  const video = await trx.selectFrom("videos as v").innerJoin(
    "channels as c",
    "c.id",
    "v.channel_id",
  )
    .leftJoin("images as i", "i.id", "v.thumbnail_id")
    .select(["v.thumbnail_id", "c.user_id", "i.source_key", WANTS_POSTER.as("wantsPoster")])
    .where("v.id", "=", videoId)
    .forNoKeyUpdate("v").executeTakeFirstOrThrow();
  if (!video.wantsPoster) return { isTaken: false, isKnown: video.source_key === sourceKey };
  const { user_id: userId, thumbnail_id: before } = video;
  const upload = { userId, purpose: "thumbnail", sourceKey, posterOf: videoId } as const;
  const { image } = await addVersion(trx, null, upload);
  await setThumbnail(trx, videoId, image.id);
  return { isTaken: true, prefixes: await forgetThumbnails(trx, before === null ? [] : [before]) };
}

/** Deletes those of the images that no video shows any more; where their variants lie. */
export async function forgetThumbnails(
  trx: Transaction<Database>,
  imageIds: readonly string[],
): Promise<readonly string[]> {
  if (imageIds.length === 0) return [];
  const images = await trx.deleteFrom("images").where("id", "in", [...new Set(imageIds)])
    .where((eb) =>
      eb.not(eb.exists(
        eb.selectFrom("videos").select("videos.id").whereRef("thumbnail_id", "=", "images.id"),
      ))
    ).returning("id").execute();
  return images.map(({ id }) => imagePrefix("thumbnail", id));
}

async function setThumbnail(
  trx: Transaction<Database>,
  videoId: string,
  imageId: string,
): Promise<void> {
  await trx.updateTable("videos").set({ thumbnail_id: imageId, updated_at: sql`now()` })
    .where("id", "=", videoId).execute();
}

/** A video made by a broadcast shares the thumbnail of the one before; an upload must not change both. */
async function isShared(trx: Transaction<Database>, imageId: string | null): Promise<boolean> {
  if (imageId === null) return false;
  const uses = await trx.selectFrom("videos").select("id").where("thumbnail_id", "=", imageId)
    .limit(2).execute();
  return uses.length > 1;
}

type Upload = {
  readonly userId: string;
  readonly purpose: ImagePurpose;
  readonly sourceKey: string;
  /** Default: uploaded by the user. */
  readonly posterOf?: string;
};

/** The next version of an image (the first of a new one when `imageId` is null) with its job. */
async function addVersion(
  trx: Transaction<Database>,
  imageId: string | null,
  upload: Upload,
): Promise<Uploaded> {
  const before = imageId === null ? undefined : await lockImage(trx, imageId);
  const image = before === undefined
    ? await insertImage(trx, upload)
    : await renewImage(trx, before, upload);
  const supersededKey = before?.source_key ?? null;
  const isTakenBack = supersededKey !== null && await takeBackJob(trx, supersededKey);
  await addToOutbox(trx, renderJob(image, upload.sourceKey));
  // A job on its way still reads its original; the reaper deletes what is left of it.
  return { image, supersededKey: isTakenBack ? supersededKey : null };
}

/** The row of an image, locked. */
export async function lockImage(
  trx: Transaction<Database>,
  imageId: string,
): Promise<ImageRow | undefined> {
  return await trx.selectFrom("images").selectAll().where("id", "=", imageId)
    .forUpdate().executeTakeFirst();
}

async function insertImage(trx: Transaction<Database>, upload: Upload): Promise<ImageRow> {
  return await trx.insertInto("images").values({
    id: newId(),
    user_id: upload.userId,
    purpose: upload.purpose,
    source_key: upload.sourceKey,
    poster_of: upload.posterOf ?? null,
  }).returningAll().executeTakeFirstOrThrow();
}

async function renewImage(
  trx: Transaction<Database>,
  before: ImageRow,
  upload: Upload,
): Promise<ImageRow> {
  return await trx.updateTable("images").set({
    version: before.version + 1,
    status: "pending",
    source_key: upload.sourceKey,
    poster_of: upload.posterOf ?? null,
    failure_code: null,
    failure_detail: null,
    updated_at: sql`now()`,
  }).where("id", "=", before.id).returningAll().executeTakeFirstOrThrow();
}

function renderJob(image: ImageRow, sourceKey: string): ImageJob {
  return {
    kind: "image",
    imageId: image.id,
    version: image.version,
    purpose: image.purpose,
    sourceKey,
    targetPrefix: versionPrefix(image.purpose, image.id, image.version),
  };
}
