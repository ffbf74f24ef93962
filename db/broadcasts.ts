/**
 * Broadcasts as every query about them sees them: which one is open, how one ends, how one is asked
 * to stop. Locks are always taken in the order channel, broadcast, video.
 */
import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import type { EndReason } from "#shared/contracts/broadcast.ts";
import type { BroadcastsTable, Database } from "./schema.ts";

export type BroadcastRow = Selectable<BroadcastsTable>;

/** A node that has not reported for longer is taken for lost. */
export const LEASE_MS = 30_000;

/** The node id of broadcasts that run in an nginx-rtmp in front: it never reports, so no lease. */
export const NGINX_RTMP_NODE = "nginx-rtmp";

/** Whether `row` has been heard of within the lease, or runs where nobody reports. */
export function hasFreshLease(row: Pick<BroadcastRow, "seen_at" | "node_id">, now: Date): boolean {
  return row.node_id === NGINX_RTMP_NODE || now.getTime() - row.seen_at.getTime() <= LEASE_MS;
}

/** The channel's broadcast that has not ended, locked. */
export async function lockOpenBroadcast(
  trx: Transaction<Database>,
  channelId: string,
): Promise<BroadcastRow | undefined> {
  return await trx.selectFrom("broadcasts").selectAll()
    .where("channel_id", "=", channelId).where("state", "<>", "ended")
    .forUpdate().executeTakeFirst();
}

/** A broadcast by id, locked after its channel; undefined when there is none. */
export async function lockBroadcast(
  trx: Transaction<Database>,
  broadcastId: string,
): Promise<BroadcastRow | undefined> {
  const found = await trx.selectFrom("broadcasts").select("channel_id")
    .where("id", "=", broadcastId).executeTakeFirst();
  if (found === undefined) return undefined;
  await trx.selectFrom("channels").select("id").where("id", "=", found.channel_id)
    .forNoKeyUpdate().execute();
  return await trx.selectFrom("broadcasts").selectAll().where("id", "=", broadcastId)
    .forUpdate().executeTakeFirst();
}

/** How a broadcast ended. */
export type BroadcastEnd = {
  readonly reason: EndReason;
  readonly detail?: string | null;
  readonly endedAt: Date;
  readonly durationMs: number;
  readonly recordedBytes?: number | null;
};

/** What is known of the end of a broadcast that nobody reported: the last word counts as its end. */
export function presumeEnd(row: BroadcastRow, reason: EndReason): BroadcastEnd {
  const startedAt = row.started_at ?? row.seen_at;
  return {
    reason,
    endedAt: row.seen_at,
    durationMs: Math.max(0, row.seen_at.getTime() - startedAt.getTime()),
  };
}

/** Ends that say nothing of the publisher's media, so of a broadcast without any nothing is kept. */
const SILENT_ENDS: ReadonlySet<EndReason> = new Set([
  "publisher_stopped",
  "publisher_lost",
  "never_started",
  "node_stopped",
  "node_lost",
]);

/**
 * Ends a locked broadcast: its video is ENDED and its channel IDLE. The video of one that never
 * started waits for the next publisher; what is kept of it is why it was refused, if it was.
 */
export async function endBroadcast(
  trx: Transaction<Database>,
  row: BroadcastRow,
  end: BroadcastEnd,
): Promise<void> {
  if (row.state === "authorised") return await endAttempt(trx, row, end);
  await trx.updateTable("broadcasts").set({
    ...columnsOf(end),
    // A presumed end leaves what the last report said.
    recorded_bytes: end.recordedBytes === undefined ? row.recorded_bytes : end.recordedBytes,
    viewers: 0,
  }).where("id", "=", row.id).execute();
  await trx.updateTable("videos").set({
    status: "ENDED",
    ended_at: end.endedAt,
    duration_ms: end.durationMs,
    updated_at: sql`now()`,
  }).where("id", "=", row.video_id).execute();
  await idleChannel(trx, row.channel_id);
}

/** Encoders try again every few seconds: of a channel's refused attempts the newest one is kept. */
async function endAttempt(
  trx: Transaction<Database>,
  row: BroadcastRow,
  end: BroadcastEnd,
): Promise<void> {
  if (SILENT_ENDS.has(end.reason)) {
    await trx.deleteFrom("broadcasts").where("id", "=", row.id).execute();
    return;
  }
  await trx.deleteFrom("broadcasts").where("channel_id", "=", row.channel_id)
    .where("state", "=", "ended").where("started_at", "is", null).execute();
  await trx.updateTable("broadcasts").set(columnsOf(end)).where("id", "=", row.id).execute();
}

function columnsOf({ reason, detail, endedAt }: BroadcastEnd) {
  return {
    state: "ended" as const,
    end_reason: reason,
    end_detail: detail ?? null,
    ended_at: endedAt,
  };
}

/** The channel is IDLE unless another broadcast of it runs. */
async function idleChannel(trx: Transaction<Database>, channelId: string): Promise<void> {
  await trx.updateTable("channels").set({ status: "IDLE", updated_at: sql`now()` })
    .where("id", "=", channelId).where("status", "=", "LIVE")
    .where((eb) =>
      eb.not(eb.exists(
        eb.selectFrom("broadcasts").select("broadcasts.id")
          .where("broadcasts.channel_id", "=", channelId)
          .where("broadcasts.state", "in", ["live", "waiting"]),
      ))
    ).execute();
}

export type StopRequest = {
  readonly channelId: string;
  readonly reason: EndReason;
  /** Let it run on for so long; 0 by default. */
  readonly graceSeconds?: number;
};

/**
 * Asks the media node to end what the channel broadcasts: answered in its next progress report, so
 * within a second or two. The first reason stays; a sooner time replaces a later one.
 */
export async function requestStop(db: Kysely<Database>, request: StopRequest): Promise<void> {
  const graceSeconds = request.graceSeconds ?? 0;
  const stopAt = sql<Date>`now() + make_interval(secs => ${graceSeconds}::float8)`;
  await db.updateTable("broadcasts").set({
    stop_reason: sql<EndReason>`coalesce(stop_reason, ${request.reason}::text)`,
    stop_at: sql<Date>`least(stop_at, ${stopAt})`,
  }).where("channel_id", "=", request.channelId).where("state", "<>", "ended").execute();
}

/** The same for one broadcast, at once. */
export async function stopBroadcast(
  db: Kysely<Database>,
  broadcastId: string,
  reason: EndReason,
): Promise<void> {
  await db.updateTable("broadcasts").set({
    stop_reason: sql<EndReason>`coalesce(stop_reason, ${reason}::text)`,
    stop_at: sql<Date>`least(stop_at, now())`,
  }).where("id", "=", broadcastId).where("state", "<>", "ended").execute();
}
