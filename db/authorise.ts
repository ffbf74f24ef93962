/**
 * `authorisePublisher()`: which broadcast a publisher with this stream key goes into.
 */
import { type Kysely, sql, type Transaction } from "kysely";
import type { AuthoriseResponse } from "#shared/contracts/control.ts";
import { AppError } from "#shared/errors.ts";
import { newId, newVideoUrl } from "#shared/ids.ts";
import { beginOnIdleChannel, type ChosenVideo } from "./begin-broadcast.ts";
import {
  type BroadcastRow,
  endBroadcast,
  hasFreshLease,
  lockOpenBroadcast,
  NGINX_RTMP_NODE,
  presumeEnd,
} from "./broadcasts.ts";
import { type Param, prepareStatement } from "./driver/prepared.ts";
import { WANTS_POSTER } from "./images.ts";
import { relayFrom } from "./relay-publishers.ts";
import type { BroadcastState, Database } from "./schema.ts";

export type AuthoriseInput = {
  readonly streamKeyHash: Uint8Array;
  readonly nodeId: string;
  readonly nodeInstanceId: string;
  readonly publisherId: string;
  /** Where the publisher's connection comes from, as the node sees it. */
  readonly remoteAddress: string;
  readonly now: Date;
};

/** What a publisher's channel and its open broadcast, if any, look like. */
type Candidate = Awaited<ReturnType<typeof findCandidate>>;
type Open = {
  readonly id: string;
  readonly epoch: number;
  readonly videoId: string;
  readonly videoUrl: string;
  readonly wantsPoster: boolean;
};

/**
 * The broadcast for a publisher. Asked again with the same `publisherId` it answers the same; asked
 * by many at once it makes one broadcast.
 * @throws AppError UNKNOWN_STREAM_KEY, CHANNEL_DISABLED, CHANNEL_HAS_NO_VIDEO, ALREADY_LIVE
 */
export async function authorisePublisher(
  db: Kysely<Database>,
  input: AuthoriseInput,
): Promise<AuthoriseResponse> {
  const candidate = await findCandidate(db, input.streamKeyHash);
  return answerRepeated(candidate, input) ?? await beginDirectly(db, candidate, input) ??
    await resume(db, candidate, input) ??
    await db.transaction().execute((trx) => authoriseLocked(trx, input));
}

/** One query by the unique index of the keyed hash: channel, open broadcast, its video. */
const selectCandidate = prepareStatement((db, param: Param<{ streamKeyHash: Uint8Array }>) =>
  db.selectFrom("channels as c")
    .leftJoin(
      "broadcasts as b",
      (join) => join.onRef("b.channel_id", "=", "c.id").on("b.state", "<>", "ended"),
    )
    .leftJoin("videos as v", "v.id", "b.video_id")
    .leftJoin("images as i", "i.id", "v.thumbnail_id")
    .select([
      "c.id as channelId",
      "c.disabled_at as disabledAt",
      "c.latency",
      "c.recording",
      "c.ladder",
      "c.reconnect_window_s as reconnectWindowS",
      "b.id as broadcastId",
      "b.epoch",
      "b.state",
      "b.node_id as nodeId",
      "b.node_instance_id as nodeInstanceId",
      "b.publisher_id as publisherId",
      "b.stop_reason as stopReason",
      "v.id as videoId",
      "v.url as videoUrl",
      WANTS_POSTER.as("wantsPoster"),
    ])
    .where("c.stream_key_hash", "=", param("streamKeyHash"))
);

async function findCandidate(db: Kysely<Database>, streamKeyHash: Uint8Array) {
  const [row] = await selectCandidate(db, { streamKeyHash });
  if (row === undefined) {
    throw new AppError("UNKNOWN_STREAM_KEY", "No channel has this stream key. Check it for typos.");
  }
  if (row.disabledAt !== null) {
    throw new AppError("CHANNEL_DISABLED", "This channel is disabled and cannot go live.");
  }
  return row;
}

export type RunningVideo = {
  readonly broadcastId: string;
  /** Its node has been asked to end it. */
  readonly isStopping: boolean;
  readonly nodeId: string | null;
  readonly videoUrl: string;
};

/**
 * What the channel of a stream key broadcasts right now, in one query; null when it is idle.
 * @throws AppError UNKNOWN_STREAM_KEY, CHANNEL_DISABLED
 */
export async function findRunningVideo(
  db: Kysely<Database>,
  streamKeyHash: Uint8Array,
): Promise<RunningVideo | null> {
  const candidate = await findCandidate(db, streamKeyHash);
  const open = openOf(candidate);
  if (open === null || !isRunning(candidate.state)) return null;
  const { nodeId, stopReason } = candidate;
  return {
    broadcastId: open.id,
    isStopping: stopReason !== null,
    nodeId,
    videoUrl: open.videoUrl,
  };
}

function openOf(candidate: Candidate): Open | null {
  const { broadcastId, epoch, videoId, videoUrl, wantsPoster } = candidate;
  if (broadcastId === null || epoch === null || videoId === null || videoUrl === null) return null;
  return { id: broadcastId, epoch, videoId, videoUrl, wantsPoster };
}

/** The answer again, when this very publisher has been let in before. */
function answerRepeated(candidate: Candidate, input: AuthoriseInput): AuthoriseResponse | null {
  const open = openOf(candidate);
  const isSame = open !== null && candidate.publisherId === input.publisherId &&
    candidate.nodeId === input.nodeId && candidate.nodeInstanceId === input.nodeInstanceId;
  return isSame ? render(candidate, open, isRunning(candidate.state)) : null;
}

function isRunning(state: BroadcastState | null): boolean {
  return state === "live" || state === "waiting";
}

/** A new broadcast on an idle channel, without a transaction; null when it takes more than that. */
async function beginDirectly(
  db: Kysely<Database>,
  candidate: Candidate,
  input: AuthoriseInput,
): Promise<AuthoriseResponse | null> {
  if (openOf(candidate) !== null) return null;
  const id = newId();
  const video = await beginOnIdleChannel(db, { ...input, id, channelId: candidate.channelId });
  return video === null ? null : renderBegun(candidate, video, id);
}

/**
 * The channel's running broadcast for a publisher of the same node. A restarted node (new instance)
 * raises the epoch. One conditional update, so it needs no lock on the channel.
 */
async function resume(
  db: Kysely<Database>,
  candidate: Candidate,
  input: AuthoriseInput,
): Promise<AuthoriseResponse | null> {
  const open = openOf(candidate);
  if (open === null || candidate.nodeId !== input.nodeId || !isRunning(candidate.state)) {
    return null;
  }
  if (candidate.stopReason !== null) return null;
  const updated = await db.updateTable("broadcasts").set({
    epoch: sql<number>`epoch + (node_instance_id <> ${input.nodeInstanceId}::uuid)::int`,
    node_instance_id: input.nodeInstanceId,
    publisher_id: input.publisherId,
    relay: relayFrom(input.remoteAddress),
    seen_at: input.now,
  })
    .where("id", "=", open.id).where("node_id", "=", input.nodeId)
    .where("state", "in", ["live", "waiting"]).where("stop_reason", "is", null)
    .returning("epoch").executeTakeFirst();
  return updated === undefined ? null : render(candidate, { ...open, epoch: updated.epoch }, true);
}

/** Everything else is decided with the channel locked, so one after the other. */
async function authoriseLocked(
  trx: Transaction<Database>,
  input: AuthoriseInput,
): Promise<AuthoriseResponse> {
  await trx.selectFrom("channels").select("id").where("stream_key_hash", "=", input.streamKeyHash)
    .forNoKeyUpdate().execute();
  const candidate = await findCandidate(trx, input.streamKeyHash);
  const repeated = answerRepeated(candidate, input);
  if (repeated !== null) return repeated;

  const row = await lockOpenBroadcast(trx, candidate.channelId);
  const open = openOf(candidate);
  if (row !== undefined && open !== null && row.id === open.id) {
    if (row.node_id === NGINX_RTMP_NODE && isRunning(row.state)) {
      return await handOver(trx, candidate, input);
    }
    if (row.state === "authorised") return await replace(trx, candidate, input);
    const resumed = await resume(trx, candidate, input);
    if (resumed !== null) return resumed;
    await endSuperseded(trx, row, input);
  }
  const video = await takeVideo(trx, candidate.channelId);
  return await begin(trx, candidate, video, input);
}

/** A running broadcast elsewhere stays when its node is well, else it ends here. */
async function endSuperseded(
  trx: Transaction<Database>,
  row: BroadcastRow,
  input: AuthoriseInput,
): Promise<void> {
  if (row.stop_reason !== null) {
    await endBroadcast(trx, row, presumeEnd(row, row.stop_reason));
    return;
  }
  if (hasFreshLease(row, input.now)) {
    throw new AppError("ALREADY_LIVE", "This channel is live already, from another media node.");
  }
  await endBroadcast(trx, row, presumeEnd(row, "node_lost"));
}

/** An nginx-rtmp in front let this publisher in and passes it on: the media node takes over. */
async function handOver(
  trx: Transaction<Database>,
  candidate: Candidate,
  input: AuthoriseInput,
): Promise<AuthoriseResponse> {
  const open = requireOpen(candidate);
  const { epoch } = await trx.updateTable("broadcasts").set({
    ...ownerOf(input),
    relay: relayFrom(input.remoteAddress),
    epoch: sql<number>`epoch + 1`,
  }).where("id", "=", open.id).returning("epoch").executeTakeFirstOrThrow();
  return render(candidate, { ...open, epoch }, false);
}

/** A publisher that was let in and never sent anything gives its place and its video away. */
async function replace(
  trx: Transaction<Database>,
  candidate: Candidate,
  input: AuthoriseInput,
): Promise<AuthoriseResponse> {
  const open = requireOpen(candidate);
  // A new id: a late word about the publisher before must not reach this one's broadcast.
  const id = newId();
  await trx.updateTable("broadcasts").set({
    ...ownerOf(input),
    id,
    epoch: 1,
    stop_reason: null,
    stop_at: null,
  }).where("id", "=", open.id).execute();
  return render(candidate, { ...open, id, epoch: 1 }, false);
}

function requireOpen(candidate: Candidate): Open {
  const open = openOf(candidate);
  if (open === null) throw new Error(`channel ${candidate.channelId} has no open broadcast`);
  return open;
}

function ownerOf(input: AuthoriseInput) {
  return {
    node_id: input.nodeId,
    node_instance_id: input.nodeInstanceId,
    publisher_id: input.publisherId,
    seen_at: input.now,
  };
}

/** The oldest CREATED video; else a new one that looks like the latest. */
async function takeVideo(trx: Transaction<Database>, channelId: string): Promise<ChosenVideo> {
  return await findWaiting(trx, channelId) ?? await makeVideo(trx, channelId);
}

async function findWaiting(
  trx: Transaction<Database>,
  channelId: string,
): Promise<ChosenVideo | undefined> {
  return await trx.selectFrom("videos as v").leftJoin("images as i", "i.id", "v.thumbnail_id")
    .select(["v.id", "v.url", WANTS_POSTER.as("wantsPoster")])
    .where("v.channel_id", "=", channelId).where("v.status", "=", "CREATED")
    .orderBy("v.id").limit(1).executeTakeFirst();
}

async function makeVideo(trx: Transaction<Database>, channelId: string): Promise<ChosenVideo> {
  const latest = await trx.selectFrom("videos as v").leftJoin(
    "images as i",
    "i.id",
    "v.thumbnail_id",
  )
    .select(["v.title", "v.thumbnail_id"])
    // The frame of another broadcast does until its own is there.
    .select(sql<boolean>`i.id is null or i.poster_of is not null`.as("wantsPoster"))
    .where("v.channel_id", "=", channelId)
    .orderBy("v.id", "desc").limit(1).executeTakeFirst();
  if (latest === undefined) {
    throw new AppError(
      "CHANNEL_HAS_NO_VIDEO",
      "This channel has no video to go live into. Create one first, then start the stream again.",
    );
  }
  const { wantsPoster, ...look } = latest;
  const made = { id: newId(), url: newVideoUrl() };
  await trx.insertInto("videos").values({ ...made, ...look, channel_id: channelId }).execute();
  return { ...made, wantsPoster };
}

async function begin(
  trx: Transaction<Database>,
  candidate: Candidate,
  video: ChosenVideo,
  input: AuthoriseInput,
): Promise<AuthoriseResponse> {
  const id = newId();
  await trx.insertInto("broadcasts").values({
    ...ownerOf(input),
    id,
    channel_id: candidate.channelId,
    video_id: video.id,
  }).execute();
  return renderBegun(candidate, video, id);
}

function renderBegun(candidate: Candidate, video: ChosenVideo, id: string): AuthoriseResponse {
  const open = {
    id,
    epoch: 1,
    videoId: video.id,
    videoUrl: video.url,
    wantsPoster: video.wantsPoster,
  };
  return render(candidate, open, false);
}

function render(candidate: Candidate, open: Open, isResumed: boolean): AuthoriseResponse {
  return {
    broadcastId: open.id,
    epoch: open.epoch,
    isResumed,
    channelId: candidate.channelId,
    videoId: open.videoId,
    videoUrl: open.videoUrl,
    wantsThumbnail: open.wantsPoster,
    settings: {
      latency: candidate.latency,
      recording: candidate.recording,
      ladder: candidate.ladder,
      reconnectWindowMs: candidate.reconnectWindowS * 1000,
    },
  };
}
