/**
 * Which thumbnails are frames of a broadcast: another video shows one only until it has its own.
 */
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  // Without a key: the picture may outlive the video it shows.
  await sql`alter table images add column poster_of uuid`.execute(db);
}
