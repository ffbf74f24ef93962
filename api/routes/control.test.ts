import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addThumbnail } from "#db/images.ts";
import { deleteOwnVideo } from "#db/videos.ts";
import { createControlPlane } from "#shared/control-plane.ts";
import { type ImageReport } from "#shared/contracts/control.ts";
import { describeIssue } from "#shared/contracts/issues.ts";
import { newId } from "#shared/ids.ts";
import { createTestApp, SERVICE_TOKEN, type TestApp } from "#test/helpers/app.ts";
import { asImageJob } from "#test/helpers/jobs.ts";
import { insertChannel, insertVideo } from "#test/helpers/rows.ts";

let app: TestApp;
let jobsTold = 0;
beforeAll(async () => {
  app = await createTestApp({ onJob: () => jobsTold += 1 });
});
afterAll(() => app.close());

const NODE = { nodeId: "node-a", nodeInstanceId: crypto.randomUUID() };
const send = (path: string, json: unknown, token: string = SERVICE_TOKEN) =>
  app.send("POST", `/control/${path}`, { json, token });

async function newChannel(videos = 1) {
  const { streamKey, hash } = await app.deps.streamKeys.create(newId());
  const channel = await insertChannel(app.deps.db, hash);
  for (let count = 0; count < videos; count += 1) {
    await insertVideo(app.deps.db, channel.channelId);
  }
  return { ...channel, streamKey };
}

/** The client that media nodes use, on the app itself. */
function controlPlane(serviceToken = SERVICE_TOKEN) {
  const inProcess = (input: URL | RequestInfo, init?: RequestInit) =>
    app.request(new URL(String(input)).pathname, init);
  return createControlPlane({
    url: "http://localhost",
    serviceToken,
    fetch: inProcess as typeof fetch,
  });
}

const publisher = (streamKey: string) => ({
  ...NODE,
  publisherId: crypto.randomUUID(),
  streamKey,
  remoteAddress: "192.0.2.1",
});

async function goLive(of?: Awaited<ReturnType<typeof newChannel>>) {
  const channel = of ?? await newChannel();
  const control = controlPlane();
  const answer = await control.authorise(publisher(channel.streamKey));
  const ref = { nodeId: NODE.nodeId, broadcastId: answer.broadcastId, epoch: answer.epoch };
  await control.started({
    ...ref,
    startedAt: new Date().toISOString(),
    source: { video: null, audio: null, encoder: "test" },
    renditions: [{ name: "high", width: 1280, height: 720, isCopy: true }],
  });
  return { channel, control, answer, ref };
}

test("every /control route refuses callers without the service token", async () => {
  const { token } = await app.signIn("mallory");
  for (const path of ["authorise", "started", "progress", "ended", "poster", "image"]) {
    for (const wrong of ["x", token, `${SERVICE_TOKEN}x`]) {
      const reply = await send(path, {}, wrong);
      expect([path, reply.status, reply.body["code"]]).toEqual([path, 401, "INVALID_TOKEN"]);
    }
    const without = await app.send("POST", `/control/${path}`, { json: {} });
    expect([path, without.status, without.body["code"]]).toEqual([path, 401, "UNAUTHENTICATED"]);
    const malformed = await send(path, []);
    expect([path, malformed.status, malformed.body["code"]])
      .toEqual([path, 400, "VALIDATION_FAILED"]);
  }
});

test("POST /control/authorise answers an unknown key with 400 and stores nothing", async () => {
  const reply = await send("authorise", publisher("sk_unknown"));
  expect(reply).toMatchObject({ status: 400, body: { code: "UNKNOWN_STREAM_KEY" } });
  expect(reply.headers.get("content-type")).toBe("application/problem+json");
  expect(await app.deps.db.selectFrom("broadcasts").select("id").execute()).toEqual([]);
});

test("a broadcast goes from authorise over started and progress to ended", async () => {
  const { channel, control, answer, ref } = await goLive();
  const shown = await app.send("GET", `/videos/${answer.videoUrl}`);
  expect(shown).toMatchObject({ status: 200, body: { status: "RUNNING" } });
  const { nodeId, ...report } = ref;
  const figures = {
    state: "live" as const,
    durationMs: 1000,
    ingestBitrateBps: 1,
    fps: 30,
    encodeSpeed: null,
    viewers: 0,
    issues: [],
  };
  expect(await control.progress({ nodeId, broadcasts: [{ ...report, ...figures }] }))
    .toEqual({ stop: [] });
  const end = {
    ...ref,
    endedAt: new Date().toISOString(),
    reason: "publisher_stopped" as const,
    detail: null,
    durationMs: 5000,
    recordedBytes: 1000,
  };
  await control.ended(end);
  await control.ended(end);
  expect(await app.send("GET", `/videos/${answer.videoUrl}`))
    .toMatchObject({ status: 200, body: { status: "ENDED" } });
  expect(await app.send("GET", `/channel/${channel.channelId}`))
    .toMatchObject({ status: 200, body: { status: "IDLE" } });
});

test("a report with an old epoch is refused with 409 STALE_EPOCH", async () => {
  const { control, ref } = await goLive();
  await expect(control.poster({ ...ref, epoch: 9, sourceKey: "originals/x" })).rejects
    .toMatchObject({ status: 409, code: "STALE_EPOCH" });
});

describe("text that the database cannot hold is refused with 400", () => {
  const unstorable = ["a\0b", "a\ud800b"];
  const at = "2026-01-02T03:04:05.000Z";
  const ref = { nodeId: NODE.nodeId, broadcastId: newId(), epoch: 1 };
  const image = { status: "ready", imageId: newId(), version: 1 };
  const variant = { name: "a", key: "a", contentType: "image/webp", width: 1, height: 1, bytes: 1 };
  const failed = { status: "failed", code: "INTERNAL" };
  const start = {
    ...ref,
    startedAt: at,
    renditions: [{ name: "low", width: 1, height: 1, isCopy: true }],
  };
  const video = { codec: "a", width: 1, height: 1, fps: null, bitrateBps: null };
  const audio = { codec: "a", sampleRateHz: 1, channels: 1 };
  const end = { ...ref, endedAt: at, reason: "publisher_lost", durationMs: 0, recordedBytes: 0 };

  test.each<[string, string, (text: string) => unknown]>([
    ["authorise", "/nodeId", (nodeId) => ({ ...publisher("sk_a"), nodeId })],
    ["authorise", "/remoteAddress", (remoteAddress) => ({ ...publisher("sk_a"), remoteAddress })],
    ["started", "/source/encoder", (encoder) => ({
      ...start,
      source: { video: null, audio: null, encoder },
    })],
    ["started", "/source/video/codec", (codec) => ({
      ...start,
      source: { video: { ...video, codec }, audio: null, encoder: null },
    })],
    ["started", "/source/audio/codec", (codec) => ({
      ...start,
      source: { video: null, audio: { ...audio, codec }, encoder: null },
    })],
    ["ended", "/detail", (detail) => ({ ...end, detail })],
    ["poster", "/sourceKey", (sourceKey) => ({ ...ref, sourceKey })],
    ["image", "/variants/0/name", (name) => ({ ...image, variants: [{ ...variant, name }] })],
    ["image", "/variants/0/key", (key) => ({ ...image, variants: [{ ...variant, key }] })],
    ["image", "/detail", (detail) => ({ ...image, ...failed, detail })],
    ["download", "/detail", (detail) => ({ ...failed, downloadId: newId(), detail })],
  ])("POST /control/%s: %s", async (path, pointer, bodyOf) => {
    for (const text of unstorable) {
      expect((await send(path, bodyOf(text))).body).toMatchObject({
        status: 400,
        code: "VALIDATION_FAILED",
        errors: [{ pointer }],
      });
    }
  });

  test("an issue with such words is left out of a progress report", async () => {
    const { control, answer: { broadcastId, epoch } } = await goLive();
    const figures = { durationMs: 0, ingestBitrateBps: 0, fps: 0, encodeSpeed: null, viewers: 0 };
    const issue = describeIssue({ code: "DISK_FULL" }, at);
    const issues = unstorable.map((text) => ({ ...issue, sentence: text }));
    const broadcast = { broadcastId, epoch, state: "live" as const, ...figures, issues };
    expect(await control.progress({ nodeId: NODE.nodeId, broadcasts: [broadcast] }))
      .toEqual({ stop: [] });
  });
});

async function putOriginal(key: string): Promise<string> {
  await app.deps.storage.put(key, new Uint8Array(8), { contentType: "image/jpeg" });
  return key;
}

const isStored = async (key: string) => await app.deps.storage.head(key) !== null;
const outbox = async () =>
  (await app.deps.db.selectFrom("outbox").select("job").execute()).map(({ job }) => job);

test("POST /control/poster makes a thumbnail with its job once, then deletes other frames", async () => {
  const { control, answer, ref } = await goLive();
  expect(answer.wantsThumbnail).toBe(true);
  const sourceKey = await putOriginal("originals/poster-1");
  const toldBefore = jobsTold;
  await control.poster({ ...ref, sourceKey });
  await control.poster({ ...ref, sourceKey });
  expect(jobsTold).toBe(toldBefore + 1);
  expect(await isStored(sourceKey)).toBe(true);
  const jobs = (await outbox()).filter((job) =>
    job.kind === "image" && job.sourceKey === sourceKey
  );
  expect(jobs).toEqual([{
    kind: "image",
    imageId: expect.any(String),
    version: 1,
    purpose: "thumbnail",
    sourceKey,
    targetPrefix: `thumbnails/${asImageJob(jobs[0]).imageId}/1`,
  }]);
  const second = await putOriginal("originals/poster-2");
  await control.poster({ ...ref, sourceKey: second });
  expect(await isStored(second)).toBe(false);
  await expect(control.poster({ ...ref, sourceKey: "../secret" })).rejects
    .toMatchObject({ status: 400 });
});

async function readyReport(imageId: string, version: number, folder = "pictures") {
  const key = `${folder}/${imageId}/${version}/80.webp`;
  await app.deps.storage.put(key, new Uint8Array(version), { contentType: "image/webp" });
  const variant = { name: "80.webp", key, contentType: "image/webp" as const };
  const variants = [{ ...variant, width: 80, height: 80, bytes: version }];
  return { status: "ready", imageId, version, variants } satisfies ImageReport;
}

test("a video shows the frame of the one before until it has one of its own", async () => {
  const { db, storage } = app.deps;
  const shown = async ({ answer: { videoId } }: Awaited<ReturnType<typeof goLive>>) =>
    (await db.selectFrom("videos").select("thumbnail_id").where("id", "=", videoId)
      .executeTakeFirstOrThrow()).thumbnail_id;
  const givePoster = async (live: Awaited<ReturnType<typeof goLive>>) => {
    const sourceKey = await putOriginal(`originals/poster-of-${live.ref.broadcastId}`);
    await live.control.poster({ ...live.ref, sourceKey });
    const imageId = await shown(live) ?? "";
    await live.control.image(await readyReport(imageId, 1, "thumbnails"));
    // Said again, it is the one that is shown.
    await live.control.poster({ ...live.ref, sourceKey });
    return { imageId, key: `thumbnails/${imageId}/1/80.webp` };
  };
  const end = async ({ control, ref }: Awaited<ReturnType<typeof goLive>>) => {
    const reason = "publisher_stopped" as const;
    const endedAt = new Date().toISOString();
    await control.ended({ ...ref, endedAt, reason, detail: null, durationMs: 1, recordedBytes: 1 });
  };
  const first = await goLive();
  const firstPoster = await givePoster(first);
  await end(first);

  const second = await goLive(first.channel);
  expect(second.answer.wantsThumbnail).toBe(true);
  expect(await shown(second)).toBe(firstPoster.imageId);
  const secondPoster = await givePoster(second);
  expect(secondPoster.imageId).not.toBe(firstPoster.imageId);
  expect(await shown(second)).toBe(secondPoster.imageId);
  expect(await shown(first)).toBe(firstPoster.imageId);
  expect(await isStored(firstPoster.key)).toBe(true);
  await end(second);

  // Whoever shows a frame last takes it along.
  const third = await goLive(first.channel);
  expect(await shown(third)).toBe(secondPoster.imageId);
  await deleteOwnVideo(db, { id: second.answer.videoId, userId: first.channel.userId });
  expect(await isStored(secondPoster.key)).toBe(true);
  const thirdPoster = await givePoster(third);
  expect(await isStored(secondPoster.key)).toBe(false);
  expect(
    await db.selectFrom("images").select("id").where("id", "=", secondPoster.imageId).execute(),
  )
    .toEqual([]);
  await end(third);

  // An upload in its place is the channel's own, so those that follow keep it.
  const { userId } = first.channel;
  const sourceKey = await putOriginal("originals/uploaded");
  await addThumbnail(db, { userId, videoId: third.answer.videoId, sourceKey });
  const fourth = await goLive(first.channel);
  expect(fourth.answer.wantsThumbnail).toBe(false);
  const frame = await putOriginal("originals/unwanted");
  await fourth.control.poster({ ...fourth.ref, sourceKey: frame });
  expect(await isStored(frame)).toBe(false);
  expect(await shown(fourth)).toBe(thirdPoster.imageId);
  expect(await storage.head("originals/uploaded")).not.toBeNull();
});

async function insertPicture(version: number, sourceKey: string) {
  const { userId } = await insertChannel(app.deps.db);
  const id = newId();
  await app.deps.db.insertInto("images").values({
    id,
    user_id: userId,
    purpose: "profile-picture",
    version,
    source_key: await putOriginal(sourceKey),
  }).execute();
  return id;
}

const imageRow = (id: string) =>
  app.deps.db.selectFrom("images").selectAll().where("id", "=", id).executeTakeFirstOrThrow();

test("POST /control/image stores variants, deletes the original and older variants", async () => {
  const imageId = await insertPicture(2, "originals/second");
  const control = controlPlane();
  const [older] = (await readyReport(imageId, 1)).variants;
  const report = await readyReport(imageId, 2);
  await control.image(report);
  await control.image(report);
  expect(await imageRow(imageId)).toMatchObject({
    status: "ready",
    version: 2,
    variants: report.variants,
    source_key: null,
  });
  expect(await isStored("originals/second")).toBe(false);
  expect(await isStored(older?.key ?? "")).toBe(false);
  expect(await isStored(report.variants[0]?.key ?? "")).toBe(true);
});

test("POST /control/image never lets an older version overwrite a newer one", async () => {
  const imageId = await insertPicture(2, "originals/newer");
  const control = controlPlane();
  const late = await readyReport(imageId, 1);
  const newer = await readyReport(imageId, 2);
  await control.image(late);
  expect(await imageRow(imageId)).toMatchObject({ status: "pending", variants: null });
  expect(await isStored("originals/newer")).toBe(true);
  expect(await isStored(late.variants[0]?.key ?? "")).toBe(false);
  expect(await isStored(newer.variants[0]?.key ?? "")).toBe(true);
  await control.image(newer);
  await control.image(late);
  expect(await imageRow(imageId)).toMatchObject({ status: "ready", variants: newer.variants });
  expect(await isStored(newer.variants[0]?.key ?? "")).toBe(true);
});

test("POST /control/image keeps what is shown while a newer version is pending", async () => {
  const { db } = app.deps;
  const imageId = await insertPicture(1, "originals/shown");
  const control = controlPlane();
  const shown = await readyReport(imageId, 1);
  await control.image(shown);
  await db.updateTable("images").set({ version: 2, status: "pending" }).where("id", "=", imageId)
    .execute();
  await control.image(shown);
  expect(await isStored(shown.variants[0]?.key ?? "")).toBe(true);
});

test("POST /control/image fails an image with its code, and forgets one that is gone", async () => {
  const imageId = await insertPicture(1, "originals/broken");
  const control = controlPlane();
  const failed: ImageReport = {
    status: "failed",
    imageId,
    version: 1,
    code: "UNSUPPORTED_IMAGE",
    detail: "it is truncated",
  };
  await control.image(failed);
  await control.image(failed);
  expect(await imageRow(imageId)).toMatchObject({
    status: "failed",
    failure_code: "UNSUPPORTED_IMAGE",
    failure_detail: "it is truncated",
    source_key: null,
  });
  expect(await isStored("originals/broken")).toBe(false);
  const gone = await readyReport(newId(), 1);
  await control.image(gone);
  expect(await isStored(gone.variants[0]?.key ?? "")).toBe(false);
});
