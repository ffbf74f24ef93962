/**
 * Broadcasts as the owner of their channel reads them.
 */
import type { Kysely, Selectable } from "kysely";
import type { BroadcastBody, BroadcastFigures } from "#shared/contracts/broadcasts.ts";
import { readIssues } from "#shared/contracts/issues.ts";
import type { BroadcastsTable, Database } from "./schema.ts";

export type OwnBroadcastFilter = {
  readonly userId: string;
  /** Default: any, the newest. */
  readonly videoId?: string;
};

/** The newest broadcast of the user's channel that `filter` names and that has begun. */
export async function findOwnBroadcast(
  db: Kysely<Database>,
  { userId, videoId }: OwnBroadcastFilter,
): Promise<BroadcastBody | undefined> {
  const row = await db.selectFrom("broadcasts as b").selectAll("b")
    .innerJoin("channels as c", "c.id", "b.channel_id")
    .where("c.user_id", "=", userId)
    .where("b.state", "<>", "authorised")
    .$if(videoId !== undefined, (query) => query.where("b.video_id", "=", videoId ?? ""))
    .orderBy("b.id", "desc").limit(1).executeTakeFirst();
  return row === undefined ? undefined : toBody(row);
}

function toBody(row: Selectable<BroadcastsTable>): BroadcastBody {
  return {
    id: row.id,
    videoId: row.video_id,
    state: row.state === "live" || row.state === "waiting" ? row.state : "ended",
    source: row.source,
    renditions: [...row.renditions ?? []],
    figures: toFigures(row),
    issues: [...readIssues(row.issues ?? [], row.seen_at.toISOString()).issues],
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    endReason: row.end_reason,
    endDetail: row.end_detail,
  };
}

function toFigures(row: Selectable<BroadcastsTable>): BroadcastFigures | null {
  if (row.ingest_bitrate_bps === null) return null;
  return {
    at: row.seen_at.toISOString(),
    ingestBitrateBps: row.ingest_bitrate_bps,
    fps: row.fps ?? 0,
    encodeSpeed: row.encode_speed,
    viewers: row.viewers ?? 0,
    recordedBytes: row.recorded_bytes,
  };
}
