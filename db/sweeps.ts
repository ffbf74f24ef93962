/**
 * What nobody reports the end of: lost nodes, publishers that never sent anything, spent sessions.
 */
import { type Kysely, sql } from "kysely";
import type { EndReason } from "#shared/contracts/broadcast.ts";
import {
  endBroadcast,
  LEASE_MS,
  lockBroadcast,
  NGINX_RTMP_NODE,
  presumeEnd,
} from "./broadcasts.ts";
import type { Database } from "./schema.ts";

/** A publisher that was let in has so long to send its first media. */
const NEVER_STARTED_MS = 60_000;

/** A broadcast that a sweep ended. */
export type Swept = {
  readonly broadcastId: string;
  readonly reason: EndReason;
};

export type Presence = {
  readonly now: Date;
  /** Since when nodes could report: silence before does not count. */
  readonly presentSince: Date;
};

/**
 * Ends broadcasts whose node has said nothing for the lease and the reconnect window, and those that
 * never started.
 */
export async function endLostBroadcasts(
  db: Kysely<Database>,
  { now, presentSince }: Presence,
): Promise<readonly Swept[]> {
  const lost = await db.selectFrom("broadcasts as b")
    .innerJoin("channels as c", "c.id", "b.channel_id")
    .select(["b.id", "b.seen_at"])
    .where("b.state", "<>", "ended")
    .where("b.seen_at", "<", new Date(now.getTime() - LEASE_MS))
    .where((eb) =>
      eb.or([eb("b.node_id", "<>", NGINX_RTMP_NODE), eb("b.state", "=", "authorised")])
    )
    .where(sql<boolean>`greatest(b.seen_at, ${presentSince}) < ${now}::timestamptz - case b.state
      when 'authorised' then make_interval(secs => ${NEVER_STARTED_MS / 1000}::float8)
      else make_interval(secs => ${LEASE_MS / 1000}::float8 + c.reconnect_window_s) end`)
    .execute();
  const swept: Swept[] = [];
  for (const { id, seen_at: seenAt } of lost) {
    const done = await endUnlessHeardOf(db, id, seenAt);
    if (done !== null) swept.push(done);
  }
  return swept;
}

async function endUnlessHeardOf(
  db: Kysely<Database>,
  broadcastId: string,
  seenAt: Date,
): Promise<Swept | null> {
  return await db.transaction().execute(async (trx) => {
    const row = await lockBroadcast(trx, broadcastId);
    const isUnheard = row?.seen_at.getTime() === seenAt.getTime();
    if (row === undefined || !isUnheard || row.state === "ended") return null;
    const reason = row.state === "authorised" ? "never_started" : row.stop_reason ?? "node_lost";
    await endBroadcast(trx, row, presumeEnd(row, reason));
    return { broadcastId, reason };
  });
}

/** Deletes refresh tokens and families that have expired; how many. */
export async function deleteSpentSessions(db: Kysely<Database>, now: Date): Promise<number> {
  const families = await db.deleteFrom("refresh_families").where("expires_at", "<", now)
    .executeTakeFirst();
  const tokens = await db.deleteFrom("refresh_tokens").where("expires_at", "<", now)
    .executeTakeFirst();
  return Number(families.numDeletedRows + tokens.numDeletedRows);
}
