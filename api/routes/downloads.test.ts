import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DownloadBody } from "#shared/contracts/downloads.ts";
import type { DownloadJob } from "#shared/contracts/jobs.ts";
import { createTestApp, SERVICE_TOKEN, type Session, type TestApp } from "#test/helpers/app.ts";
import { type EndedVideo, insertEndedVideo } from "#test/helpers/ended-video.ts";

let app: TestApp;
let owner: Session;
let stranger: Session;
let channelId: string;
let video: EndedVideo;
let jobsTold = 0;
beforeAll(async () => {
  app = await createTestApp({ onJob: () => jobsTold += 1 });
  [owner, stranger] = [await app.signIn("fetcher"), await app.signIn("stranger")];
  channelId = (await app.send<{ id: string }>("POST", "/user/channel", owner)).body.id;
});
beforeEach(async () => {
  video = await insertEndedVideo(app.deps, { channelId });
  await app.deps.db.deleteFrom("outbox").execute();
});
afterAll(() => app.close());

const path = () => `/user/channel/videos/${video.id}/download`;
const ask = (session = owner) => app.send<DownloadBody>("POST", path(), session);
const look = () => app.send<DownloadBody>("GET", path(), owner);
const report = (json: unknown) =>
  app.send("POST", "/control/download", { json, token: SERVICE_TOKEN });

async function jobs(): Promise<DownloadJob[]> {
  const rows = await app.deps.db.selectFrom("outbox").select("job").orderBy("id").execute();
  return rows.flatMap(({ job }) => job.kind === "download" ? [job] : []);
}

const MP4 = new TextEncoder().encode("0123456789");

/** Does what a media worker does. */
async function finish({ downloadId, targetKey }: DownloadJob): Promise<void> {
  await app.deps.storage.put(targetKey, MP4, { contentType: "video/mp4" });
  const reply = await report({ status: "ready", downloadId, bytes: MP4.length });
  expect(reply.status).toBe(204);
}

async function onlyJob(): Promise<DownloadJob> {
  const [job, ...others] = await jobs();
  expect(others).toEqual([]);
  if (job === undefined) throw new Error("there is no job");
  return job;
}

describe("POST /user/channel/videos/:id/download", () => {
  test("is asked for once, followed, and then there", async () => {
    expect((await look()).status).toBe(404);
    const toldBefore = jobsTold;
    const asked = await ask();
    expect(asked).toMatchObject({
      status: 202,
      body: { status: "pending", progress: 0, bytes: null, url: null, failure: null },
    });
    expect(jobsTold).toBe(toldBefore + 1);
    expect((await ask()).body.id).toBe(asked.body.id);
    const job = await onlyJob();
    expect(job).toEqual({
      kind: "download",
      downloadId: asked.body.id,
      playlistKey: `videos/${video.url}/index.m3u8`,
      targetKey: `videos/${video.url}/download/${asked.body.id}.mp4`,
    });
    const { downloadId } = job;
    await report({ status: "running", downloadId, progress: 0.4 });
    await report({ status: "running", downloadId, progress: 0.1 });
    expect((await look()).body).toMatchObject({ status: "running", progress: 0.4 });
    await finish(job);
    await report({ status: "running", downloadId, progress: 0.9 });
    expect((await look()).body).toMatchObject({
      status: "ready",
      progress: 1,
      bytes: MP4.length,
      url: `http://localhost:8000${path()}/file`,
    });
    expect((await ask()).status).toBe(200);
  });

  test("begins anew after a failure", async () => {
    const first = await ask();
    const { downloadId } = await onlyJob();
    await report({ status: "failed", downloadId, code: "RECORDING_DAMAGED", detail: "cut off" });
    expect((await look()).body).toMatchObject({
      status: "failed",
      failure: { code: "RECORDING_DAMAGED", detail: "cut off" },
    });
    const second = await ask();
    expect(second).toMatchObject({ status: 202, body: { status: "pending", failure: null } });
    expect(second.body.id).not.toBe(first.body.id);
    expect((await report({ status: "ready", downloadId, bytes: 1 })).status).toBe(404);
  });

  test("refuses strangers, and videos without a recording", async () => {
    expect((await ask(stranger)).status).toBe(404);
    await app.deps.db.updateTable("broadcasts").set({ recorded_bytes: 0 })
      .where("video_id", "=", video.id).execute();
    expect(await ask()).toMatchObject({ status: 409, body: { code: "NO_RECORDING" } });
  });

  test("of a clip has a life of its own", async () => {
    const clip = await app.send<{ id: string; url: string }>(
      "POST",
      `/user/channel/videos/${video.id}/clips`,
      { token: owner.token, json: { start: 0, end: 2, title: "Short" } },
    );
    const clipPath = `/user/channel/videos/${video.id}/clips/${clip.body.id}/download`;
    expect((await app.send("POST", clipPath, owner)).status).toBe(202);
    expect((await look()).status).toBe(404);
    const job = await onlyJob();
    expect(job.playlistKey).toBe(`videos/${clip.body.url}/index.m3u8`);
    await finish(job);
    const file = await app.request(`${clipPath}/file`, {
      headers: { authorization: `Bearer ${owner.token}` },
    });
    expect(file.headers.get("content-disposition")).toContain('filename="Short.mp4"');
    expect(await file.text()).toBe("0123456789");
  });
});

describe("GET /user/channel/videos/:id/download/file", () => {
  const fetchFile = (headers: Record<string, string> = {}, { token } = owner, method = "GET") =>
    app.request(`${path()}/file`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
  beforeEach(async () => {
    await ask();
  });

  test("answers 409 before it is ready", async () => {
    const response = await fetchFile();
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ code: "DOWNLOAD_NOT_READY" });
  });

  test("is for the owner alone, under the title of the video", async () => {
    await finish(await onlyJob());
    expect((await fetchFile({}, stranger)).status).toBe(404);
    const response = await fetchFile();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("video/mp4");
    expect(response.headers.get("content-disposition"))
      .toBe(
        "attachment; filename=\"_nder the sea.mp4\"; filename*=UTF-8''%C3%9Cnder%20the%20sea.mp4",
      );
    expect(await response.text()).toBe("0123456789");
  });

  test.each([
    ["bytes=2-4", 206, "bytes 2-4/10", "234"],
    ["bytes=7-", 206, "bytes 7-9/10", "789"],
    ["bytes=-2", 206, "bytes 8-9/10", "89"],
    ["bytes=0-1,4-5", 200, null, "0123456789"],
    ["bytes=10-", 416, "bytes */10", null],
  ])("answers Range: %s with %d", async (range, status, contentRange, text) => {
    await finish(await onlyJob());
    const response = await fetchFile({ range });
    expect(response.status).toBe(status);
    expect(response.headers.get("content-range")).toBe(contentRange);
    if (text !== null) expect(await response.text()).toBe(text);
  });

  test("answers 304 to who has it, and HEAD without a body", async () => {
    await finish(await onlyJob());
    const head = await fetchFile({}, owner, "HEAD");
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe("10");
    const etag = head.headers.get("etag") ?? "";
    expect((await fetchFile({ "if-none-match": etag })).status).toBe(304);
    expect((await fetchFile({ "if-range": '"other"', range: "bytes=0-1" })).status).toBe(200);
    expect((await fetchFile({ "if-range": etag, range: "bytes=0-1" })).status).toBe(206);
  });
});

test("GET /videos/:url/storyboard/:name serves what is there, to anyone", async () => {
  const vtt = new TextEncoder().encode("WEBVTT\n");
  await app.deps.storage.put(`videos/${video.url}/storyboard/storyboard.vtt`, vtt, {
    contentType: "text/vtt",
  });
  const shown = () => app.send("GET", `/videos/${video.url}`);
  expect((await shown()).body).toMatchObject({ storyboardUrl: null });
  const json = { videoId: video.id, frames: 3 };
  const ready = await app.send("POST", "/control/storyboard", { json, token: SERVICE_TOKEN });
  expect(ready.status).toBe(204);
  const path = `/videos/${video.url}/storyboard/storyboard.vtt`;
  expect((await shown()).body).toMatchObject({
    storyboardUrl: `http://localhost:8000${path}`,
    recording: { status: "available", bytes: 1000, removedAt: null, removedBecause: null },
  });
  const response = await app.request(path);
  expect(response.headers.get("content-type")).toBe("text/vtt");
  expect(await response.text()).toBe("WEBVTT\n");
  for (const name of ["sprite-0.jpg", "index.m3u8", "..%2findex.m3u8"]) {
    expect((await app.request(`/videos/${video.url}/storyboard/${name}`)).status).toBe(404);
  }
});
