/**
 * Who publishes through an nginx-rtmp in front, so that its word about an end reaches the right one.
 */
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table broadcasts add column relay jsonb`.execute(db);
}
