import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ClipBody } from "#shared/contracts/clips.ts";
import { createTestApp, type Session, type TestApp } from "#test/helpers/app.ts";
import { type EndedVideo, insertEndedVideo } from "#test/helpers/ended-video.ts";

let app: TestApp;
let owner: Session;
let stranger: Session;
let channelId: string;
let video: EndedVideo;
beforeAll(async () => {
  app = await createTestApp();
  [owner, stranger] = [await app.signIn("clipper"), await app.signIn("stranger")];
  channelId = (await app.send<{ id: string }>("POST", "/user/channel", owner)).body.id;
  video = await insertEndedVideo(app.deps, { channelId });
});
afterAll(() => app.close());

const pathOf = (id: string) => `/user/channel/videos/${id}/clips`;
const cut = (json: unknown, { id } = video, { token } = owner) =>
  app.send<ClipBody>("POST", pathOf(id), { token, json });

async function textOf(key: string): Promise<string | null> {
  const object = await app.deps.storage.get(key);
  return object === null ? null : await new Response(object.body).text();
}

describe("POST /user/channel/videos/:id/clips", () => {
  test("stores playlists over the recording's segments, widened to whole ones", async () => {
    const { status, body } = await cut({ start: 2.5, end: 5 });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.any(String),
      url: expect.stringMatching(/^[a-z0-9]{12}$/),
      videoId: video.id,
      title: "Ünder the sea",
      playbackUrl: `http://localhost:8080/hls-live/${body.url}.m3u8`,
      start: 2,
      end: 6,
      durationMs: 4000,
      createdAt: expect.any(String),
    });
    expect(await textOf(`videos/${body.url}/index.m3u8`)).toBe(`#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS="avc1.64001f,mp4a.40.2"
${body.url}/1/low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2800000,CODECS="avc1.64001f,mp4a.40.2"
${body.url}/1/high/index.m3u8
`);
    expect(await textOf(`videos/${body.url}/1/high/index.m3u8`)).toBe(`#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="../../../${video.url}/1/high/init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.000Z
#EXTINF:2,
../../../${video.url}/1/high/seg-1.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:09.000Z
#EXTINF:2,
../../../${video.url}/1/high/seg-2.m4s
#EXT-X-ENDLIST
`);
  });

  test.each([
    [{ start: 5, end: 5.5 }, "/end"],
    [{ start: 5, end: 2 }, "/end"],
    [{ start: 0, end: 601 }, "/end"],
    [{ start: 4, end: 30 }, "/end"],
    [{ start: -1, end: 3 }, "/start"],
    [{ start: 0, end: 4, title: "x" }, "/title"],
  ])("refuses %j", async (json, pointer) => {
    const reply = await cut(json);
    expect(reply).toMatchObject({
      status: 400,
      body: { code: "VALIDATION_FAILED", errors: [{ pointer }] },
    });
  });

  test("refuses a video without a recording, and one of somebody else", async () => {
    const empty = await app.send<EndedVideo>("POST", "/user/channel/videos", {
      token: owner.token,
      json: { title: "Not yet" },
    });
    expect(await cut({ start: 0, end: 4 }, empty.body))
      .toMatchObject({ status: 409, body: { code: "NO_RECORDING" } });
    expect((await cut({ start: 0, end: 4 }, video, stranger)).status).toBe(404);
  });

  test("leaves nothing behind when the playlists are gone", async () => {
    const lost = await insertEndedVideo(app.deps, { channelId });
    await app.deps.storage.delete(`videos/${lost.url}/1/high/index.m3u8`);
    expect(await cut({ start: 0, end: 4 }, lost)).toMatchObject({ status: 409 });
    expect((await app.send("GET", pathOf(lost.id), owner)).body).toEqual([]);
  });
});

test("clips are listed, read and deleted by their owner alone", async () => {
  const other = await insertEndedVideo(app.deps, { channelId });
  const first = await cut({ start: 0, end: 2, title: "The start" }, other);
  const second = await cut({ start: 8, end: 10 }, other);
  const page = await app.send<ClipBody[]>("GET", `${pathOf(other.id)}?limit=1`, owner);
  expect(page.body.map(({ id }) => id)).toEqual([second.body.id]);
  expect(page.headers.get("link")).toContain("cursor=");
  const path = `${pathOf(other.id)}/${first.body.id}`;
  expect((await app.send("GET", path, owner)).body).toEqual(first.body);
  for (const method of ["GET", "DELETE"]) {
    expect((await app.send(method, path, stranger)).status).toBe(404);
  }
  expect((await app.send("GET", pathOf(other.id), stranger)).status).toBe(404);
  expect((await app.send("DELETE", path, owner)).status).toBe(204);
  expect((await app.send("GET", path, owner)).status).toBe(404);
  expect(await textOf(`videos/${first.body.url}/index.m3u8`)).toBeNull();
  expect(await textOf(`videos/${second.body.url}/index.m3u8`)).not.toBeNull();
});

test("a video takes its clips with it", async () => {
  const gone = await insertEndedVideo(app.deps, { channelId });
  const { body } = await cut({ start: 0, end: 4 }, gone);
  expect((await app.send("DELETE", `/user/channel/videos/${gone.id}`, owner)).status).toBe(204);
  expect(await textOf(`videos/${body.url}/index.m3u8`)).toBeNull();
  expect(await textOf(`videos/${gone.url}/index.m3u8`)).toBeNull();
});
