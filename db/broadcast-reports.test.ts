import { afterAll, beforeAll, expect, test } from "vitest";
import { describeIssue } from "#shared/contracts/issues.ts";
import { newId } from "#shared/ids.ts";
import { insertChannel, insertVideo, type TestChannel } from "#test/helpers/rows.ts";
import { createTestDatabase, type TestDatabase } from "#test/helpers/database.ts";
import { authorisePublisher } from "./authorise.ts";
import { reportEnded, reportProgress, reportStarted } from "./broadcast-reports.ts";
import { requestStop } from "./broadcasts.ts";
import { endLostBroadcasts } from "./sweeps.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const NODE = "node-a";
const INSTANCE = crypto.randomUUID();
const SOURCE = {
  video: { codec: "avc1.64001f", width: 1280, height: 720, fps: 30, bitrateBps: 3_000_000 },
  audio: { codec: "mp4a.40.2", sampleRateHz: 48_000, channels: 2 },
  encoder: "obs",
};
const RENDITIONS = [{ name: "high" as const, width: 1280, height: 720, isCopy: true }];
const STARTED_AT = "2026-01-02T03:04:05.678Z";
const ENDED_AT = "2026-01-02T03:05:05.678Z";

type Running = TestChannel & { broadcastId: string; epoch: number; videoId: string };

async function authorise(channel: TestChannel) {
  const { streamKeyHash } = channel;
  return await authorisePublisher(database.db, {
    streamKeyHash,
    nodeId: NODE,
    nodeInstanceId: INSTANCE,
    publisherId: crypto.randomUUID(),
    remoteAddress: "192.0.2.1",
    now: new Date(),
  });
}

async function authorised(): Promise<Running> {
  const channel = await insertChannel(database.db);
  await insertVideo(database.db, channel.channelId);
  const { broadcastId, epoch, videoId } = await authorise(channel);
  return { ...channel, broadcastId, epoch, videoId };
}

async function live(): Promise<Running> {
  const running = await authorised();
  await started(running);
  return running;
}

function started({ broadcastId, epoch }: Running, now = new Date()) {
  const request = { nodeId: NODE, broadcastId, epoch, startedAt: STARTED_AT };
  return reportStarted(
    database.db,
    { ...request, source: SOURCE, renditions: RENDITIONS },
    now,
  );
}

const FIGURES = {
  state: "live" as const,
  durationMs: 1000,
  ingestBitrateBps: 6_000_000_000,
  fps: 29.97,
  encodeSpeed: 1.5,
  viewers: 3,
  issues: [describeIssue({ code: "RECORDING_FAILING", reason: `no "room"` }, STARTED_AT)],
};

function progress(
  broadcasts: readonly { broadcastId: string; epoch: number; state?: "live" | "waiting" }[],
  nodeId = NODE,
) {
  const reports = broadcasts.map(({ broadcastId, epoch, state }) => ({
    ...FIGURES,
    broadcastId,
    epoch,
    state: state ?? "live",
  }));
  return reportProgress(database.db, { nodeId, broadcasts: reports }, new Date());
}

function ended({ broadcastId, epoch }: Running, nodeId = NODE) {
  return reportEnded(database.db, {
    nodeId,
    broadcastId,
    epoch,
    endedAt: ENDED_AT,
    reason: "publisher_stopped",
    detail: null,
    durationMs: 60_000,
    recordedBytes: 5_000_000_000,
  });
}

async function look({ broadcastId, videoId, channelId }: Running) {
  const { db } = database;
  const [broadcast, video, channel] = await Promise.all([
    db.selectFrom("broadcasts").selectAll().where("id", "=", broadcastId).executeTakeFirst(),
    db.selectFrom("videos").selectAll().where("id", "=", videoId).executeTakeFirst(),
    db.selectFrom("channels").selectAll().where("id", "=", channelId).executeTakeFirst(),
  ]);
  return { broadcast, video, channel };
}

test("reportStarted() makes the video RUNNING and the channel LIVE, again and again", async () => {
  const running = await live();
  const once = await look(running);
  expect(once.broadcast).toMatchObject({
    state: "live",
    source: SOURCE,
    renditions: RENDITIONS,
    started_at: new Date(STARTED_AT),
  });
  expect(once.video).toMatchObject({ status: "RUNNING", started_at: new Date(STARTED_AT) });
  expect(once.channel).toMatchObject({ status: "LIVE" });
  await started(running);
  const twice = await look(running);
  expect(twice.video?.started_at).toEqual(once.video?.started_at);
  expect(twice.broadcast?.state).toBe("live");
});

test("reportStarted() refuses a stale epoch, another node and an unknown broadcast", async () => {
  const running = await live();
  for (
    const wrong of [{ ...running, epoch: 2 }, { ...running, broadcastId: newId() }]
  ) await expect(started(wrong)).rejects.toMatchObject({ code: "STALE_EPOCH", status: 409 });
});

test("reportStarted() after the end changes nothing", async () => {
  const running = await live();
  await ended(running);
  await started(running);
  expect((await look(running)).video).toMatchObject({ status: "ENDED" });
});

test("reportProgress() notes the figures of all broadcasts of a node", async () => {
  const [one, two, waitingToStart] = [await live(), await live(), await authorised()];
  const answer = await progress([one, { ...two, state: "waiting" }, waitingToStart]);
  expect(answer).toEqual({ stop: [] });
  expect((await look(one)).broadcast).toMatchObject({
    state: "live",
    ingest_bitrate_bps: 6_000_000_000,
    fps: 29.97,
    encode_speed: 1.5,
    viewers: 3,
    issues: FIGURES.issues,
  });
  expect((await look(two)).broadcast).toMatchObject({ state: "waiting" });
  expect((await look(waitingToStart)).broadcast).toMatchObject({ state: "authorised" });
  expect(await progress([])).toEqual({ stop: [] });
});

test("reportProgress() names what must stop, each with its reason", async () => {
  const { db } = database;
  const [revoked, disabled, videoGone, over, stale, well] = [
    await live(),
    await live(),
    await live(),
    await live(),
    await live(),
    await live(),
  ];
  await requestStop(db, { channelId: revoked.channelId, reason: "key_revoked" });
  await db.updateTable("channels").set({ disabled_at: new Date() })
    .where("id", "=", disabled.channelId).execute();
  await db.deleteFrom("videos").where("id", "=", videoGone.videoId).execute();
  await ended(over);
  const { stop } = await progress([
    revoked,
    disabled,
    videoGone,
    over,
    { ...stale, epoch: 2 },
    well,
  ]);
  const reasons = new Map(stop.map(({ broadcastId, reason }) => [broadcastId, reason]));
  expect(reasons).toEqual(
    new Map([
      [revoked.broadcastId, "key_revoked"],
      [disabled.broadcastId, "channel_disabled"],
      [videoGone.broadcastId, "video_deleted"],
      [over.broadcastId, "publisher_stopped"],
      [stale.broadcastId, "node_lost"],
    ]),
  );
  expect(await progress([well], "node-b")).toEqual({
    stop: [{ broadcastId: well.broadcastId, reason: "node_lost" }],
  });
});

test("requestStop() with grace counts from later, and a sooner request wins", async () => {
  const running = await live();
  const { channelId } = running;
  await requestStop(database.db, { channelId, reason: "key_revoked", graceSeconds: 30 });
  expect(await progress([running])).toEqual({ stop: [] });
  await requestStop(database.db, { channelId, reason: "channel_deleted" });
  // Times are the database's, whose clock may be set back a little meanwhile.
  await expect.poll(() => progress([running])).toEqual({
    stop: [{ broadcastId: running.broadcastId, reason: "key_revoked" }],
  });
});

const lose = () =>
  endLostBroadcasts(database.db, {
    now: new Date(Date.now() + 3_600_000),
    presentSince: new Date(0),
  });

test("reportProgress() takes back a presumed loss when nothing has replaced it", async () => {
  const running = await live();
  await lose();
  expect(await look(running)).toMatchObject({
    broadcast: { state: "ended", end_reason: "node_lost" },
    video: { status: "ENDED" },
    channel: { status: "IDLE" },
  });
  expect(await progress([running])).toEqual({ stop: [] });
  expect(await look(running)).toMatchObject({
    broadcast: { state: "live", end_reason: null, ended_at: null },
    video: { status: "RUNNING", ended_at: null, duration_ms: null },
    channel: { status: "LIVE" },
  });
});

test("reportProgress() stops a presumed loss that was replaced", async () => {
  const running = await live();
  await lose();
  const next = await authorise(running);
  expect(next.broadcastId).not.toBe(running.broadcastId);
  expect(await progress([running])).toEqual({
    stop: [{ broadcastId: running.broadcastId, reason: "node_lost" }],
  });
});

test("reportEnded() ends video and channel, keeps the reason, and is idempotent", async () => {
  const running = await live();
  await ended(running);
  const once = await look(running);
  expect(once).toMatchObject({
    broadcast: {
      state: "ended",
      end_reason: "publisher_stopped",
      recorded_bytes: 5_000_000_000,
      ended_at: new Date(ENDED_AT),
    },
    video: { status: "ENDED", duration_ms: 60_000, ended_at: new Date(ENDED_AT) },
    channel: { status: "IDLE" },
  });
  await ended(running);
  expect(await look(running)).toEqual(once);
});

test("reportEnded() of a broadcast that never started leaves its video CREATED", async () => {
  const running = await authorised();
  await ended(running);
  await ended(running);
  expect(await look(running)).toMatchObject({ broadcast: undefined, video: { status: "CREATED" } });
});

test("reportEnded() refuses a stale epoch", async () => {
  const running = await live();
  await expect(ended({ ...running, epoch: 2 })).rejects.toMatchObject({ code: "STALE_EPOCH" });
  await expect(ended(running, "node-b")).rejects.toMatchObject({ code: "STALE_EPOCH" });
});

test("reportEnded() corrects a presumed end, and leaves a newer broadcast its channel", async () => {
  const running = await live();
  await lose();
  const next = await authorise(running);
  await started({ ...running, ...next });
  await ended(running);
  expect(await look(running)).toMatchObject({
    broadcast: { end_reason: "publisher_stopped" },
    video: { status: "ENDED", duration_ms: 60_000 },
    channel: { status: "LIVE" },
  });
});

test("reportProgress() notes what the recording takes, and a presumed end keeps it", async () => {
  const running = await live();
  const { broadcastId, epoch } = running;
  const report = (figures: { recordedBytes?: number }) => {
    const broadcasts = [{ ...FIGURES, broadcastId, epoch, ...figures }];
    return reportProgress(database.db, { nodeId: NODE, broadcasts }, new Date());
  };
  await report({ recordedBytes: 6_000_000_000 });
  await report({});
  expect((await look(running)).broadcast?.recorded_bytes).toBe(6_000_000_000);
  await lose();
  expect((await look(running)).broadcast).toMatchObject({
    end_reason: "node_lost",
    recorded_bytes: 6_000_000_000,
  });
});

test("reportEnded() asks for one storyboard of what was recorded", async () => {
  const running = await live();
  const { videoId } = running;
  await ended(running);
  await ended(running);
  const rows = await database.db.selectFrom("outbox").select("job").execute();
  const { video } = await look(running);
  expect(rows.filter(({ job }) => job.kind === "storyboard" && job.videoId === videoId))
    .toEqual([{ job: { kind: "storyboard", videoId, videoUrl: video?.url } }]);
});
