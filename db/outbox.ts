/**
 * The outbox: jobs written in the transaction that makes them necessary, claimed by relays.
 */
import { type ExpressionBuilder, type Kysely, sql } from "kysely";
import type { Job, QueuedJob } from "#shared/contracts/jobs.ts";
import { newId } from "#shared/ids.ts";
import type { Database } from "./schema.ts";

/** Writes `job` to be relayed; pass the transaction that also writes what it is about. */
export async function addToOutbox(db: Kysely<Database>, job: Job): Promise<void> {
  await db.insertInto("outbox").values({ id: newId(), job }).execute();
}

/** Removes the job about `sourceKey` unless a relay has it; whether it was there to remove. */
export async function takeBackJob(db: Kysely<Database>, sourceKey: string): Promise<boolean> {
  const taken = await db.deleteFrom("outbox")
    .where(sql<boolean>`job ->> 'sourceKey' = ${sourceKey}`).where(isFree)
    .returning("id").execute();
  return taken.length > 0;
}

export type ClaimOptions = { readonly limit: number; readonly leaseMs: number };

/** Takes up to `limit` free jobs, oldest first; nobody else gets them until the lease is over. */
export async function claimJobs(
  db: Kysely<Database>,
  { limit, leaseMs }: ClaimOptions,
): Promise<readonly QueuedJob[]> {
  const rows = await db.updateTable("outbox").set({
    claimed_until: inMs(leaseMs),
    attempts: sql<number>`attempts + 1`,
  }).where("id", "in", (free) =>
    free.selectFrom("outbox").select("id")
      .where(isFree)
      .orderBy("id").limit(limit).forUpdate().skipLocked())
    .returning(["id", "job"]).execute();
  return rows.sort((left, right) => left.id < right.id ? -1 : 1);
}

function isFree(eb: ExpressionBuilder<Database, "outbox">) {
  return eb.or([eb("claimed_until", "is", null), eb("claimed_until", "<", sql<Date>`now()`)]);
}

/** Keeps claims alive while their jobs are under way. */
export async function renewClaims(
  db: Kysely<Database>,
  ids: readonly string[],
  leaseMs: number,
): Promise<void> {
  if (ids.length === 0) return;
  await db.updateTable("outbox").set({ claimed_until: inMs(leaseMs) })
    .where("id", "in", ids).execute();
}

/** Gives jobs back, to be claimed by anyone at once. */
export async function releaseJobs(db: Kysely<Database>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.updateTable("outbox").set({ claimed_until: null }).where("id", "in", ids).execute();
}

/** The jobs are safe with the queue. */
export async function removeJobs(db: Kysely<Database>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.deleteFrom("outbox").where("id", "in", ids).execute();
}

function inMs(ms: number) {
  return sql<Date>`now() + make_interval(secs => ${ms / 1000}::float8)`;
}
