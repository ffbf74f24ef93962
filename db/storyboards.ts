/**
 * Storyboards: asked for at the end of a broadcast, reported by the resizer.
 */
import { type Kysely, sql, type Transaction } from "kysely";
import { addToOutbox } from "./outbox.ts";
import type { Database } from "./schema.ts";

/** Has the storyboard of a recorded video made. */
export async function addStoryboardJob(
  trx: Transaction<Database>,
  videoId: string,
): Promise<void> {
  const { url } = await trx.selectFrom("videos").select("url").where("id", "=", videoId)
    .executeTakeFirstOrThrow();
  await addToOutbox(trx, { kind: "storyboard", videoId, videoUrl: url });
}

/** The storyboard lies in storage; false when the video or its recording is gone. */
export async function reportStoryboard(db: Kysely<Database>, videoId: string): Promise<boolean> {
  const row = await db.updateTable("videos").set({ storyboard_at: sql`now()` })
    .where("id", "=", videoId).where("recording_removed_at", "is", null)
    .returning("id").executeTakeFirst();
  return row !== undefined;
}
