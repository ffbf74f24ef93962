/**
 * Publishers of an nginx-rtmp in front, which says when one begins and ends and nothing in between.
 */
import type { Kysely, Transaction } from "kysely";
import { AppError } from "#shared/errors.ts";
import { authorisePublisher, findRunningVideo } from "./authorise.ts";
import { reportStarted } from "./broadcast-reports.ts";
import { type BroadcastRow, endBroadcast, lockBroadcast, NGINX_RTMP_NODE } from "./broadcasts.ts";
import type { Database } from "./schema.ts";

/** nginx has no instances that could take a broadcast over from each other. */
const INSTANCE = "00000000-0000-8000-8000-000000000000";
/** Turned away by nginx as the second one, a publisher ends at once. */
const TURNED_AWAY_MS = 10_000;

export type NginxPublisher = {
  readonly streamKeyHash: Uint8Array;
  /** The same at `end` as at `verify`; null when the caller does not say who it is about. */
  readonly publisherId: string | null;
  readonly now: Date;
};

/**
 * The public name of the video a publisher goes into. The broadcast runs from now on. One that runs
 * already, here or on a media node, stays as it is: whoever receives the media decides about a second
 * publisher.
 * @throws AppError UNKNOWN_STREAM_KEY, CHANNEL_DISABLED, CHANNEL_HAS_NO_VIDEO
 */
export async function beginNginxPublish(
  db: Kysely<Database>,
  { streamKeyHash, publisherId, now }: NginxPublisher,
): Promise<string> {
  const running = await findRunningVideo(db, streamKeyHash);
  if (running !== null) {
    if (running.nodeId === NGINX_RTMP_NODE) await noteReturn(db, running.broadcastId, now);
    return running.videoUrl;
  }
  const owner = { nodeId: NGINX_RTMP_NODE, nodeInstanceId: INSTANCE };
  const { broadcastId, epoch, videoUrl } = await authorisePublisher(db, {
    ...owner,
    streamKeyHash,
    publisherId: publisherId ?? crypto.randomUUID(),
    now,
  });
  await reportStarted(db, {
    nodeId: owner.nodeId,
    broadcastId,
    epoch,
    startedAt: now.toISOString(),
    source: { video: null, audio: null, encoder: null },
    renditions: [],
  }, now);
  return videoUrl;
}

async function noteReturn(db: Kysely<Database>, broadcastId: string, now: Date): Promise<void> {
  await db.updateTable("broadcasts").set({ seen_at: now }).where("id", "=", broadcastId).execute();
}

/** Ends what the publisher ran, unless a media node has taken it over. Fine when there is nothing. */
export async function endNginxPublish(
  db: Kysely<Database>,
  publisher: NginxPublisher,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = await findOwn(trx, publisher) ?? await findByKey(trx, publisher);
    if (row === undefined || row.node_id !== NGINX_RTMP_NODE || row.state === "ended") return;
    const { now } = publisher;
    await endBroadcast(trx, row, {
      reason: "publisher_stopped",
      endedAt: now,
      durationMs: Math.max(0, now.getTime() - (row.started_at ?? now).getTime()),
      recordedBytes: null,
    });
  });
}

/** By who it is, which holds also after the stream key was rotated. */
async function findOwn(
  trx: Transaction<Database>,
  { publisherId }: NginxPublisher,
): Promise<BroadcastRow | undefined> {
  if (publisherId === null) return undefined;
  const found = await trx.selectFrom("broadcasts").select("id")
    .where("node_id", "=", NGINX_RTMP_NODE).where("publisher_id", "=", publisherId)
    .where("state", "<>", "ended").executeTakeFirst();
  return found === undefined ? undefined : await lockBroadcast(trx, found.id);
}

/**
 * By the key: nginx was restarted without a word and another publisher has gone on, or the caller
 * does not say who ended. A second publisher that nginx turned away ends nothing.
 */
async function findByKey(
  trx: Transaction<Database>,
  { streamKeyHash, publisherId, now }: NginxPublisher,
): Promise<BroadcastRow | undefined> {
  const running = await findRunningVideo(trx, streamKeyHash).catch(unlessRefused);
  if (running === null) return undefined;
  const row = await lockBroadcast(trx, running.broadcastId);
  const isTurnedAway = publisherId !== null && row !== undefined &&
    now.getTime() - row.seen_at.getTime() < TURNED_AWAY_MS;
  return isTurnedAway ? undefined : row;
}

/** A key that is unknown by now has nothing to end. */
function unlessRefused(error: unknown): null {
  if (error instanceof AppError && error.status === 400) return null;
  throw error;
}
