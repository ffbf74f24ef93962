/**
 * Publishers of an nginx-rtmp in front, which says when one begins and ends and nothing in between.
 */
import { type Kysely, sql, type Transaction } from "kysely";
import { AppError } from "#shared/errors.ts";
import { authorisePublisher, findRunningVideo } from "./authorise.ts";
import { reportStarted } from "./broadcast-reports.ts";
import {
  type BroadcastRow,
  endBroadcast,
  lockBroadcast,
  NGINX_RTMP_NODE,
  stopBroadcast,
} from "./broadcasts.ts";
import { withoutPublisher, withPublisher } from "./relay-publishers.ts";
import type { Database } from "./schema.ts";

/** nginx has no instances that could take a broadcast over from each other. */
const INSTANCE = "00000000-0000-8000-8000-000000000000";

export type NginxPublisher = {
  readonly streamKeyHash: Uint8Array;
  /** The same at `end` as at `verify`; null when the caller does not say who it is about. */
  readonly publisherId: string | null;
  readonly now: Date;
};

/**
 * The public name of the video a publisher goes into. The broadcast runs from now on. One that runs
 * already, here or on a media node, goes on: whoever receives the media decides about a second
 * publisher.
 * @throws AppError UNKNOWN_STREAM_KEY, CHANNEL_DISABLED, CHANNEL_HAS_NO_VIDEO
 */
export async function beginNginxPublish(
  db: Kysely<Database>,
  { streamKeyHash, publisherId, now }: NginxPublisher,
): Promise<string> {
  const running = await findRunningVideo(db, streamKeyHash);
  if (running !== null && !running.isStopping) {
    await notePublisher(db, running.broadcastId, { publisherId, now });
    return running.videoUrl;
  }
  const owner = { nodeId: NGINX_RTMP_NODE, nodeInstanceId: INSTANCE };
  const { broadcastId, epoch, videoUrl } = await authorisePublisher(db, {
    ...owner,
    streamKeyHash,
    publisherId: publisherId ?? crypto.randomUUID(),
    remoteAddress: "",
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
  await notePublisher(db, broadcastId, { publisherId, now });
  return videoUrl;
}

async function notePublisher(
  db: Kysely<Database>,
  broadcastId: string,
  { publisherId, now }: Pick<NginxPublisher, "publisherId" | "now">,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = await lockBroadcast(trx, broadcastId);
    if (row === undefined || row.state === "ended") return;
    await trx.updateTable("broadcasts").set({
      relay: withPublisher(row.relay, publisherId, now),
      // On a media node that is the node's own word.
      ...(row.node_id === NGINX_RTMP_NODE ? { seen_at: now } : {}),
    }).where("id", "=", row.id).execute();
  });
}

/**
 * Ends what the publisher ran. On a media node only while nginx passes the live publish on; the node
 * learns it from the answer to its next report. Fine when there is nothing.
 */
export async function endNginxPublish(
  db: Kysely<Database>,
  publisher: NginxPublisher,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = await findOwn(trx, publisher) ?? await findByKey(trx, publisher);
    if (row === undefined || row.state === "ended" || row.relay === null) return;
    const { publisherId, now } = publisher;
    const { relay, isOver } = withoutPublisher(row.relay, publisherId, now);
    await trx.updateTable("broadcasts").set({ relay }).where("id", "=", row.id).execute();
    if (!isOver) return;
    if (row.node_id === NGINX_RTMP_NODE) await endHere(trx, row, now);
    else if (relay.address !== null) await stopBroadcast(trx, row.id, "publisher_stopped");
  });
}

async function endHere(trx: Transaction<Database>, row: BroadcastRow, now: Date): Promise<void> {
  await endBroadcast(trx, row, {
    reason: "publisher_stopped",
    endedAt: now,
    durationMs: Math.max(0, now.getTime() - (row.started_at ?? now).getTime()),
    recordedBytes: null,
  });
}

/** By who it is, which holds also after the stream key was rotated. */
async function findOwn(
  trx: Transaction<Database>,
  { publisherId }: NginxPublisher,
): Promise<BroadcastRow | undefined> {
  if (publisherId === null) return undefined;
  const publishers = JSON.stringify({ publishers: [{ id: publisherId }] });
  const found = await trx.selectFrom("broadcasts").select("id")
    .where("state", "<>", "ended")
    .where(sql<boolean>`relay @> ${publishers}::text::jsonb`).executeTakeFirst();
  return found === undefined ? undefined : await lockBroadcast(trx, found.id);
}

/** By the key, when nginx did not say who began or does not say who ended. */
async function findByKey(
  trx: Transaction<Database>,
  { streamKeyHash, publisherId }: NginxPublisher,
): Promise<BroadcastRow | undefined> {
  const running = await findRunningVideo(trx, streamKeyHash).catch(unlessRefused);
  if (running === null) return undefined;
  const row = await lockBroadcast(trx, running.broadcastId);
  const isNamed = (row?.relay?.publishers.length ?? 0) > 0;
  return publisherId !== null && isNamed ? undefined : row;
}

/** A key that is unknown by now has nothing to end. */
function unlessRefused(error: unknown): null {
  if (error instanceof AppError && error.status === 400) return null;
  throw error;
}
