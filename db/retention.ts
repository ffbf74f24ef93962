/**
 * Which recordings have to make room: past their channel's retention, over its budget, over the
 * budget of all. Oldest first, and never one that runs.
 */
import { type Kysely, sql } from "kysely";
import type { Database, RemovalReason } from "./schema.ts";

export type RetentionLimits = {
  readonly now: Date;
  /** What all recordings may take together; null: no limit. */
  readonly totalBudgetBytes: number | null;
};

/** A recording that is marked as removed and whose files are still there. */
export type Removal = {
  readonly videoId: string;
  readonly url: string;
  readonly reason: RemovalReason;
  readonly bytes: number;
};

/** A node that was given up for lost may come back for so long: its broadcast counts as running. */
const LOST_FOR_GOOD_MS = 3_600_000;

/** Marks what has to go; from then on nobody may clip or download it. How many were marked. */
export async function markRemovals(
  db: Kysely<Database>,
  { now, totalBudgetBytes }: RetentionLimits,
): Promise<number> {
  const isExpired = sql`ranked.ended_at < ${now}::timestamptz
    - make_interval(days => ranked.retention_days)`;
  const isOverBudget = sql`ranked.channel_bytes > ranked.recording_budget_bytes`;
  // One after the other: what goes for one reason does not count for the next.
  let marked = await mark(db, { now, reason: "retention", condition: isExpired });
  marked += await mark(db, { now, reason: "channel_budget", condition: isOverBudget });
  if (totalBudgetBytes === null) return marked;
  const isOverTotal = sql`ranked.total_bytes > ${totalBudgetBytes}::bigint`;
  return marked + await mark(db, { now, reason: "total_budget", condition: isOverTotal });
}

type Mark = {
  readonly now: Date;
  readonly reason: RemovalReason;
  /** On a recording with what it and all newer ones take together. */
  readonly condition: ReturnType<typeof sql>;
};

async function mark(db: Kysely<Database>, { now, reason, condition }: Mark): Promise<number> {
  const lostBefore = new Date(now.getTime() - LOST_FOR_GOOD_MS);
  const { rows } = await sql`
    with recording as (
      select v.id, v.channel_id, b.ended_at,
        b.state = 'ended'
          and (b.end_reason <> 'node_lost' or b.ended_at < ${lostBefore}) as is_over,
        coalesce(b.recorded_bytes, 0) + coalesce((
          select sum(d.bytes) from downloads d where d.video_id = v.id
        ), 0) as bytes
      from broadcasts b join videos v on v.id = b.video_id
      where v.recording_removed_at is null and b.recorded_bytes > 0
    ), ranked as (
      select r.*, c.retention_days, c.recording_budget_bytes,
        sum(bytes) over (partition by channel_id order by is_over, ended_at desc, r.id desc)
          as channel_bytes,
        sum(bytes) over (order by is_over, ended_at desc, r.id desc) as total_bytes
      from recording r join channels c on c.id = r.channel_id
    )
    update videos set
      recording_removed_at = ${now}, recording_removed_reason = ${reason}, updated_at = now()
    from ranked
    where videos.id = ranked.id and ranked.is_over and videos.recording_removed_at is null
      and ${condition}
    returning videos.id
  `.execute(db);
  return rows.length;
}

/** What is marked and not deleted yet, also by a process that died in between. */
export async function findRemovals(db: Kysely<Database>): Promise<readonly Removal[]> {
  const rows = await db.selectFrom("videos as v").innerJoin("broadcasts as b", "b.video_id", "v.id")
    .select(["v.id as videoId", "v.url", "v.recording_removed_reason as reason"])
    .select((eb) => eb.fn.coalesce("b.recorded_bytes", eb.lit(0)).as("bytes"))
    .where("v.recording_removed_at", "is not", null).where("b.recorded_bytes", ">", 0)
    .orderBy("b.ended_at").limit(100).execute();
  return rows.flatMap((row) => row.reason === null ? [] : [{ ...row, reason: row.reason }]);
}

/** The files are gone: so are the clips, the downloads and the storyboard. */
export async function finishRemoval(db: Kysely<Database>, videoId: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.deleteFrom("downloads").where("video_id", "=", videoId).execute();
    await trx.deleteFrom("clips").where("video_id", "=", videoId).execute();
    await trx.updateTable("videos").set({ storyboard_at: null }).where("id", "=", videoId)
      .execute();
    await trx.updateTable("broadcasts").set({ recorded_bytes: 0 })
      .where("video_id", "=", videoId).execute();
  });
}
