/**
 * What media nodes report about broadcasts: started, progress, ended. Every write names its node and
 * epoch; a repeated one changes nothing.
 */
import { type Kysely, sql, type Transaction } from "kysely";
import type { EndReason } from "#shared/contracts/broadcast.ts";
import type {
  EndedRequest,
  ProgressRequest,
  ProgressResponse,
  StartedRequest,
} from "#shared/contracts/control.ts";
import { AppError } from "#shared/errors.ts";
import { type BroadcastRow, endBroadcast, lockBroadcast } from "./broadcasts.ts";
import type { Database } from "./schema.ts";
import { addStoryboardJob } from "./storyboards.ts";

type Reference = {
  readonly nodeId: string;
  readonly broadcastId: string;
  readonly epoch: number;
};

/** Refuses a word from a node that does not own the broadcast (any more). */
export function requireOwner(row: BroadcastRow | undefined, reference: Reference): BroadcastRow {
  if (row !== undefined && isOwner(row, reference)) return row;
  throw new AppError(
    "STALE_EPOCH",
    row === undefined
      ? `broadcast ${reference.broadcastId} does not exist`
      : `broadcast ${row.id} is at epoch ${row.epoch} of node ${row.node_id}`,
  );
}

function isOwner(row: BroadcastRow, { nodeId, epoch }: Omit<Reference, "broadcastId">): boolean {
  return row.node_id === nodeId && row.epoch === epoch;
}

/**
 * The first media arrived: the video is RUNNING, the channel LIVE.
 * @throws AppError STALE_EPOCH
 */
export async function reportStarted(
  db: Kysely<Database>,
  request: StartedRequest,
  now: Date,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = requireOwner(await lockBroadcast(trx, request.broadcastId), request);
    if (row.state === "ended" && !await revive(trx, row, now)) return;
    await trx.updateTable("broadcasts").set({
      state: row.state === "waiting" ? "waiting" : "live",
      source: request.source,
      renditions: request.renditions,
      started_at: row.started_at ?? new Date(request.startedAt),
      seen_at: now,
    }).where("id", "=", row.id).execute();
    await run(trx, row, new Date(request.startedAt));
  });
}

async function run(trx: Transaction<Database>, row: BroadcastRow, startedAt: Date): Promise<void> {
  await trx.updateTable("videos").set({
    status: "RUNNING",
    started_at: sql<Date>`coalesce(started_at, ${startedAt})`,
    ended_at: null,
    duration_ms: null,
    updated_at: sql`now()`,
  }).where("id", "=", row.video_id).execute();
  await trx.updateTable("channels").set({ status: "LIVE", updated_at: sql`now()` })
    .where("id", "=", row.channel_id).where("status", "<>", "LIVE").execute();
}

/**
 * Takes back the end of a broadcast that was only presumed lost, unless another one has taken its
 * place. The caller has locked it.
 */
async function revive(trx: Transaction<Database>, row: BroadcastRow, now: Date): Promise<boolean> {
  if (row.end_reason !== "node_lost") return false;
  const other = await trx.selectFrom("broadcasts").select("id")
    .where("channel_id", "=", row.channel_id).where("state", "<>", "ended").executeTakeFirst();
  if (other !== undefined) return false;
  await trx.updateTable("broadcasts").set({
    state: "live",
    end_reason: null,
    end_detail: null,
    ended_at: null,
    seen_at: now,
  }).where("id", "=", row.id).execute();
  await run(trx, row, row.started_at ?? now);
  return true;
}

/**
 * Notes the figures of all broadcasts of a node in one statement and says which ones must stop.
 * A broadcast presumed lost that runs after all is taken back.
 */
export async function reportProgress(
  db: Kysely<Database>,
  request: ProgressRequest,
  now: Date,
): Promise<ProgressResponse> {
  if (request.broadcasts.length === 0) return { stop: [] };
  const noted = await noteProgress(db, request, now);
  const stop: { broadcastId: string; reason: EndReason }[] = [];
  for (const report of request.broadcasts) {
    const row = noted.get(report.broadcastId);
    const reason = row === undefined
      ? await reconcile(db, { nodeId: request.nodeId, ...report }, now)
      : row.stopReason;
    if (reason !== null) stop.push({ broadcastId: report.broadcastId, reason });
  }
  return { stop };
}

type Noted = { readonly id: string; readonly stopReason: EndReason | null };

async function noteProgress(
  db: Kysely<Database>,
  request: ProgressRequest,
  now: Date,
): Promise<ReadonlyMap<string, Noted>> {
  // Through text: a driver that serialises jsonb itself must not do it twice.
  const reports = JSON.stringify(request.broadcasts);
  // Locked in the order of ids, so that two reports at once cannot wait for each other.
  const { rows } = await sql<Noted>`
    with report as (
      select * from jsonb_to_recordset(${reports}::text::jsonb) as r(
        "broadcastId" uuid, epoch int, state text, "ingestBitrateBps" bigint,
        fps float8, "encodeSpeed" float8, viewers int, issues jsonb, "recordedBytes" bigint,
        renditions jsonb
      )
    ), owned as (
      select b.id from broadcasts b join report r on r."broadcastId" = b.id and r.epoch = b.epoch
      where b.node_id = ${request.nodeId} and b.state <> 'ended'
      order by b.id for update of b
    )
    update broadcasts b set
      state = case when b.state = 'authorised' then b.state else r.state end,
      ingest_bitrate_bps = r."ingestBitrateBps", fps = r.fps, encode_speed = r."encodeSpeed",
      viewers = r.viewers, issues = r.issues, seen_at = ${now},
      recorded_bytes = coalesce(r."recordedBytes", b.recorded_bytes),
      renditions = coalesce(r.renditions, b.renditions)
    from owned, report r, channels c
    where b.id = owned.id and r."broadcastId" = b.id and c.id = b.channel_id
    returning b.id, case
      when b.stop_reason is not null and coalesce(b.stop_at, now()) <= now() then b.stop_reason
      when c.disabled_at is not null then 'channel_disabled'
    end as "stopReason"
  `.execute(db);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Why a broadcast that the node runs must stop, or null when it was taken back. */
async function reconcile(
  db: Kysely<Database>,
  reference: Reference,
  now: Date,
): Promise<EndReason | null> {
  return await db.transaction().execute(async (trx) => {
    const row = await lockBroadcast(trx, reference.broadcastId);
    // A broadcast is gone from the database exactly when its video (or all of the channel) is.
    if (row === undefined) return "video_deleted";
    if (!isOwner(row, reference)) return "node_lost";
    if (row.state !== "ended") return row.stop_reason;
    return await revive(trx, row, now) ? null : row.end_reason ?? "node_lost";
  });
}

/**
 * The broadcast is over. The video of one that never started stays CREATED. A presumed end gives way
 * to the reported one.
 * @throws AppError STALE_EPOCH
 */
export async function reportEnded(db: Kysely<Database>, request: EndedRequest): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = await lockBroadcast(trx, request.broadcastId);
    // Gone: it never started, or its video was deleted. Said before, or not ours to keep.
    if (row === undefined) return;
    requireOwner(row, request);
    if (row.state === "ended" && row.end_reason !== "node_lost") return;
    await endBroadcast(trx, row, {
      reason: request.reason,
      detail: request.detail,
      endedAt: new Date(request.endedAt),
      durationMs: request.durationMs,
      recordedBytes: request.recordedBytes,
    });
    // Also without a recording: then it only clears the frames away.
    if (row.state !== "authorised") await addStoryboardJob(trx, row.video_id);
  });
}
