import { afterAll, beforeAll, expect, test } from "vitest";
import type { BroadcastBody } from "#shared/contracts/broadcasts.ts";
import type { AuthoriseResponse } from "#shared/contracts/control.ts";
import { describeIssue, toReportedIssue } from "#shared/contracts/issues.ts";
import { createLogger, type LogLine } from "#shared/log.ts";
import { createTestApp, SERVICE_TOKEN, type TestApp } from "#test/helpers/app.ts";

let app: TestApp;
const lines: LogLine[] = [];
beforeAll(async () => {
  const log = createLogger({ level: "debug", write: (line) => lines.push(line) });
  app = await createTestApp({ log });
});
afterAll(() => app.close());

const NODE = { nodeId: "node-a", nodeInstanceId: crypto.randomUUID() };
const SINCE = "2026-01-02T03:04:05.000Z";
const STARTED_AT = "2026-01-02T03:00:00.000Z";
const SOURCE = {
  video: { codec: "avc1.64001f", width: 1280, height: 720, fps: 30, bitrateBps: 2_500_000 },
  audio: { codec: "mp4a.40.2", sampleRateHz: 48_000, channels: 2 },
  encoder: "obs-output module",
};
const RENDITIONS = [{ name: "high", width: 1280, height: 720, isCopy: true }];

const control = <T>(path: string, json: unknown) =>
  app.send<T>("POST", `/control/${path}`, { token: SERVICE_TOKEN, json });

async function newChannel(username: string) {
  const { token } = await app.signIn(username);
  const channel = await app.send<{ streamKey: string }>("POST", "/user/channel", { token });
  const json = { title: "A show" };
  const video = await app.send<{ id: string }>("POST", "/user/channel/videos", { token, json });
  return { token, videoId: video.body.id, streamKey: channel.body.streamKey };
}

async function authorise(streamKey: string) {
  const { body } = await control<AuthoriseResponse>("authorise", {
    ...NODE,
    publisherId: crypto.randomUUID(),
    streamKey,
    remoteAddress: "192.0.2.1",
  });
  return { nodeId: NODE.nodeId, broadcastId: body.broadcastId, epoch: body.epoch };
}

async function goLive(streamKey: string) {
  const ref = await authorise(streamKey);
  const started = { ...ref, startedAt: STARTED_AT, source: SOURCE, renditions: RENDITIONS };
  expect((await control("started", started)).status).toBe(204);
  return ref;
}

async function report(
  ref: Awaited<ReturnType<typeof goLive>>,
  issues: unknown[],
  renditions?: unknown[],
) {
  const { nodeId, ...broadcast } = ref;
  const figures = {
    state: "live",
    durationMs: 1000,
    ingestBitrateBps: 2_512_000,
    fps: 29.9,
    encodeSpeed: 1,
    viewers: 2,
    recordedBytes: 1000,
    issues,
    renditions,
  };
  const reply = await control("progress", { nodeId, broadcasts: [{ ...broadcast, ...figures }] });
  expect(reply).toMatchObject({ status: 200, body: { stop: [] } });
}

const look = (token: string, path = "/user/channel/broadcast") =>
  app.send<BroadcastBody>("GET", path, { token });

test("GET /user/channel/broadcast tells source, renditions, figures and issues", async () => {
  const { token, streamKey, videoId } = await newChannel("watcher");
  const ref = await goLive(streamKey);
  expect((await look(token)).body).toMatchObject({ figures: null, issues: [] });
  const keyframes = describeIssue({ code: "KEYFRAME_INTERVAL", measured: 4.2, wanted: 2 }, SINCE);
  const audio = describeIssue({ code: "NO_AUDIO", hadIt: false }, SINCE);
  await report(ref, [toReportedIssue(keyframes), toReportedIssue(audio)]);
  const shown = await look(token);
  expect(shown).toMatchObject({ status: 200 });
  expect(shown.body).toEqual({
    id: ref.broadcastId,
    videoId,
    state: "live",
    source: SOURCE,
    renditions: RENDITIONS,
    figures: {
      at: expect.any(String),
      ingestBitrateBps: 2_512_000,
      fps: 29.9,
      encodeSpeed: 1,
      viewers: 2,
      recordedBytes: 1000,
    },
    issues: [keyframes, audio],
    startedAt: STARTED_AT,
    endedAt: null,
    endReason: null,
    endDetail: null,
  });
  expect(await look(token, `/user/channel/videos/${videoId}/broadcast`)).toMatchObject(
    { status: 200, body: shown.body },
  );
});

test("a copy that was given up is shown as the rendition it is from then on", async () => {
  const { token, streamKey } = await newChannel("demoted");
  const ref = await goLive(streamKey);
  const encoded = RENDITIONS.map((rendition) => ({ ...rendition, isCopy: false }));
  await report(ref, [], encoded);
  expect((await look(token)).body.renditions).toEqual(encoded);
  // As a node of the version before reports.
  await report(ref, []);
  expect((await look(token)).body.renditions).toEqual(encoded);
});

test("after the end it says why, and the next broadcast takes its place", async () => {
  const { token, streamKey, videoId } = await newChannel("ender");
  const ref = await goLive(streamKey);
  const endedAt = new Date().toISOString();
  const end = { reason: "unsupported_source", detail: "VP6 cannot be carried." };
  await control("ended", { ...ref, endedAt, ...end, durationMs: 5000, recordedBytes: 0 });
  const ended = { state: "ended", endedAt, endReason: end.reason, endDetail: end.detail };
  expect((await look(token)).body).toMatchObject({ videoId, ...ended });
  const next = await goLive(streamKey);
  expect((await look(token)).body).toMatchObject({ id: next.broadcastId, endReason: null });
  expect((await look(token, `/user/channel/videos/${videoId}/broadcast`)).body)
    .toMatchObject({ id: ref.broadcastId, ...ended });
});

test("a source that was refused before its first media says why until the next one is on", async () => {
  const { token, streamKey, videoId } = await newChannel("refused");
  const path = `/user/channel/videos/${videoId}/broadcast`;
  const before = await goLive(streamKey);
  const end = { endedAt: new Date().toISOString(), detail: null, durationMs: 0, recordedBytes: 0 };
  await control("ended", { ...before, ...end, reason: "publisher_stopped" });
  const detail = "The video is Sorenson H.263; this server carries H.264.";
  const refuse = async () => {
    const ref = await authorise(streamKey);
    const refusal = { ...ref, ...end, reason: "unsupported_source", detail };
    for (let count = 0; count < 2; count += 1) {
      expect((await control("ended", refusal)).status).toBe(204);
    }
    return ref;
  };
  await refuse();
  const { broadcastId } = await refuse();
  const refused = {
    id: broadcastId,
    state: "ended",
    startedAt: null,
    endReason: "unsupported_source",
    endDetail: detail,
  };
  expect((await look(token)).body).toMatchObject(refused);
  // Let in again, and gone before its first media.
  const silent = await authorise(streamKey);
  expect((await look(token)).body).toMatchObject(refused);
  await control("ended", { ...silent, ...end, reason: "never_started" });
  expect((await look(token)).body).toMatchObject(refused);
  // All of them went into the one video that waits, as the next one does.
  const videos = await app.send<{ id: string; status: string }[]>("GET", "/user/channel/videos", {
    token,
  });
  expect(videos.body.map(({ status }) => status)).toEqual(["CREATED", "ENDED"]);
  const [waiting] = videos.body;
  expect((await look(token, `/user/channel/videos/${waiting?.id}/broadcast`)).body)
    .toMatchObject(refused);
  expect((await look(token, path)).body).toMatchObject({ id: before.broadcastId });
  const next = await goLive(streamKey);
  const running = { id: next.broadcastId, videoId: waiting?.id, state: "live", endReason: null };
  expect((await look(token)).body).toMatchObject(running);
  await control("ended", { ...next, ...end, reason: "publisher_stopped", recordedBytes: 10 });
  const after = await app.send<unknown[]>("GET", "/user/channel/videos", { token });
  expect(after.body).toMatchObject([
    { id: waiting?.id, status: "ENDED", recording: { status: "available", bytes: 10 } },
    { id: videoId },
  ]);
  expect(await app.send("DELETE", `/user/channel/videos/${waiting?.id}`, { token }))
    .toMatchObject({ status: 204 });
  expect((await look(token)).body).toMatchObject({ id: before.broadcastId });
});

test("what a node of another version reports is read as far as it can be", async () => {
  const { token, streamKey } = await newChannel("upgrader");
  const ref = await goLive(streamKey);
  const known = describeIssue({ code: "DISK_FULL" }, SINCE);
  const former = { code: "DEGRADED", detail: "high shows the picture of mid." };
  for (let count = 0; count < 2; count += 1) {
    await report(ref, [former, { code: "SOLAR_FLARE", severity: "fatal" }, known]);
  }
  expect((await look(token)).body.issues).toEqual([
    {
      code: "MACHINE_BUSY",
      severity: "warning",
      sentence: former.detail,
      advice: expect.any(String),
      since: expect.any(String),
    },
    known,
  ]);
  expect(lines.filter(({ event }) => event === "issue.unknown"))
    .toMatchObject([{ level: "warn", nodeId: "node-a", code: "SOLAR_FLARE" }]);
  // As a row from before an upgrade has it.
  await app.deps.db.updateTable("broadcasts").set({ issues: [former] })
    .where("id", "=", ref.broadcastId).execute();
  expect((await look(token)).body.issues).toMatchObject([{ code: "MACHINE_BUSY" }]);
});

test("without a broadcast the answer is 404 with a code", async () => {
  const { token: nobody } = await app.signIn("nobody");
  expect(await look(nobody)).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
  const { token, streamKey, videoId } = await newChannel("beginner");
  // Let in, but nothing has come yet.
  await authorise(streamKey);
  const path = `/user/channel/videos/${videoId}/broadcast`;
  for (const one of [undefined, path]) {
    expect(await look(token, one)).toMatchObject({ status: 404, body: { code: "NO_BROADCAST" } });
  }
  expect(await look(nobody, path)).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
  expect((await app.send("GET", path)).status).toBe(401);
});
