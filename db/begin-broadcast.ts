/**
 * The usual publish in one statement: an idle channel, its oldest CREATED video, a new broadcast.
 */
import { type Kysely, sql } from "kysely";
import { isForeignKeyViolation } from "./errors.ts";
import { WANTS_POSTER } from "./images.ts";
import type { Database } from "./schema.ts";

export type NewBroadcast = {
  readonly id: string;
  readonly channelId: string;
  readonly streamKeyHash: Uint8Array;
  readonly nodeId: string;
  readonly nodeInstanceId: string;
  readonly publisherId: string;
  readonly now: Date;
};

export type ChosenVideo = {
  readonly id: string;
  readonly url: string;
  readonly wantsPoster: boolean;
};

/**
 * Begins the broadcast and returns its video. Null when anything is not as usual (another publisher
 * was faster, no CREATED video, the channel changed meanwhile): nothing was written, decide under
 * the channel's lock.
 */
export async function beginOnIdleChannel(
  db: Kysely<Database>,
  broadcast: NewBroadcast,
): Promise<ChosenVideo | null> {
  try {
    const { rows: [video] } = await begin(broadcast).execute(db);
    return video ?? null;
  } catch (error) {
    // The video was deleted between our look at it and the insert.
    if (isForeignKeyViolation(error, "broadcasts_video_fk")) return null;
    throw error;
  }
}

// The lock on the channel waits for whoever disables it or changes its key, then looks again; two
// publishers meet at the unique indexes.
function begin(broadcast: NewBroadcast) {
  const { id, channelId, streamKeyHash, nodeId, nodeInstanceId, publisherId, now } = broadcast;
  return sql<ChosenVideo>`
    with channel as (
      select id from channels
      where id = ${channelId} and stream_key_hash = ${streamKeyHash} and disabled_at is null
      for no key update
    ), video as (
      select v.id, v.url, ${WANTS_POSTER} as "wantsPoster"
      from videos v left join images i on i.id = v.thumbnail_id
      where v.channel_id = ${channelId} and v.status = 'CREATED'
      order by v.id limit 1
    ), begun as (
      insert into broadcasts
        (id, channel_id, video_id, node_id, node_instance_id, publisher_id, seen_at)
      select ${id}::uuid, channel.id, video.id, ${nodeId}::text, ${nodeInstanceId}::uuid,
             ${publisherId}::uuid, ${now}::timestamptz
      from channel, video
      on conflict do nothing
      returning video_id
    )
    select video.id, video.url, video."wantsPoster"
    from video join begun on begun.video_id = video.id`;
}
