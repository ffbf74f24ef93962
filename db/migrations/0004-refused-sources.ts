/**
 * A broadcast that was refused before its first media keeps its row, so that its broadcaster can read
 * why; its video waits for the next one, so several may name the same video.
 */
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table broadcasts drop constraint broadcasts_video_unique;
    create unique index broadcasts_video_unique
      on broadcasts (video_id) where state <> 'ended' or started_at is not null;
    create index broadcasts_of_video on broadcasts (video_id, id);
  `.execute(db);
}
