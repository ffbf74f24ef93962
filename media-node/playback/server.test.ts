import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import {
  startSyntheticBroadcast,
  type SyntheticBroadcast,
} from "#test/helpers/synthetic-broadcast.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import type { Recorder } from "../recorder/port.ts";
import { createRecorder } from "../recorder/recorder.ts";
import { createPlaybackServer, type PlaybackServer } from "./server.ts";

const live = new LiveRegistry();
let directory: string;
let server: PlaybackServer;
let recorder: Recorder;
let base: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-playback-"));
  const storage = createFileStorage({ directory });
  recorder = createRecorder({ storage, nodeId: "test", log: silentLogger });
  server = createPlaybackServer({ host: "127.0.0.1", port: 0, storage, live, log: silentLogger });
  await server.start();
  base = `http://127.0.0.1:${server.port}/hls-live`;
});

afterAll(async () => {
  await server.stop();
  live.close();
  await rm(directory, { recursive: true });
});

const start = (options: Partial<Parameters<typeof startSyntheticBroadcast>[0]> = {}) =>
  startSyntheticBroadcast({ live, ...options });

async function expectProblem(response: Response, status: number, code: string): Promise<void> {
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toMatchObject({ status, code });
}

describe("a live broadcast", () => {
  let broadcast: SyntheticBroadcast;
  let url: string;

  beforeAll(() => {
    broadcast = start({ rungs: ["low", "high"], recorder });
    broadcast.pushUntil(4.1);
    url = `${base}/${broadcast.videoUrl}/1/high`;
  });

  test("the multivariant playlist names both renditions with what they cost", async () => {
    const response = await fetch(`${base}/${broadcast.videoUrl}.m3u8`);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/vnd.apple.mpegurl",
      "cache-control": "public, max-age=1",
      "access-control-allow-origin": "*",
      "timing-allow-origin": "*",
    });
    const { videoUrl } = broadcast;
    expect(await response.text()).toBe(`#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=1192000,AVERAGE-BANDWIDTH=152736,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=30.000
${videoUrl}/1/low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1192000,AVERAGE-BANDWIDTH=152736,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000
${videoUrl}/1/high/index.m3u8
`);
  });

  test("the media playlist lists short first segments and their wall clock", async () => {
    const response = await fetch(`${url}/index.m3u8`);
    expect(response.headers.get("cache-control")).toBe("public, max-age=1");
    expect(await response.text()).toBe(`#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.000Z
#EXTINF:1,
seg-1.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:06.000Z
#EXTINF:1,
seg-2.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.000Z
#EXTINF:1,
seg-3.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:08.000Z
#EXTINF:1,
seg-4.m4s
`);
  });

  test("files are immutable, readable by any page, and known again by their ETag", async () => {
    for (const [name, type] of [["init-0.mp4", "video/mp4"], ["seg-2.m4s", "video/iso.segment"]]) {
      const response = await fetch(`${url}/${name}`);
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-type": type,
        "cache-control": "public, max-age=31536000, immutable",
        "accept-ranges": "bytes",
        "access-control-allow-origin": "*",
      });
      const etag = response.headers.get("etag") ?? "";
      const again = await fetch(`${url}/${name}`, { headers: { "if-none-match": `"x", ${etag}` } });
      expect(again.status).toBe(304);
      const head = await fetch(`${url}/${name}`, { method: "HEAD" });
      expect(head.headers.get("content-length")).toBe(String((await response.bytes()).length));
      expect((await head.bytes()).length).toBe(0);
    }
  });

  test("nonsense directives are answered 400 at once", async () => {
    const nonsense = [
      "_HLS_msn=x",
      "_HLS_msn=-1",
      "_HLS_msn=1e3",
      "_HLS_msn=",
      "_HLS_part=0",
      "_HLS_msn=5&_HLS_part=x",
      "_HLS_msn=5&_HLS_msn=5",
      "_HLS_msn=99999999999",
      "_HLS_msn=7",
      "_HLS_skip=MAYBE",
    ];
    for (const query of nonsense) {
      const startedMs = performance.now();
      await expectProblem(await fetch(`${url}/index.m3u8?${query}`), 400, "BAD_REQUEST");
      expect(performance.now() - startedMs).toBeLessThan(500);
    }
  });

  test("a blocking reload is answered when its segment is there", async () => {
    const reload = fetch(`${url}/index.m3u8?_HLS_msn=5`);
    broadcast.pushUntil(6.1);
    const response = await reload;
    expect(response.headers.get("cache-control")).toBe("public, max-age=6");
    expect(await response.text()).toContain("seg-5.m4s");
  });

  test("viewers are counted once", () => {
    expect(live.viewers(broadcast.videoUrl)).toBe(1);
  });

  test("what is not there is 404, other methods are 405", async () => {
    const names = [
      "seg-99.m4s",
      "init-7.mp4",
      "part-0.m4s",
      "seg-01.m4s",
      "seg-1.mp4",
      "recording.json",
    ];
    for (const name of names) await expectProblem(await fetch(`${url}/${name}`), 404, "NOT_FOUND");
    await expectProblem(
      await fetch(`${base}/${broadcast.videoUrl}/2/high/index.m3u8`),
      404,
      "NOT_FOUND",
    );
    await expectProblem(await fetch(`${base}/nosuchvideo1.m3u8`), 404, "NOT_FOUND");
    const post = await fetch(`${url}/index.m3u8`, { method: "POST", body: "x" });
    expect(post.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    await expectProblem(post, 405, "METHOD_NOT_ALLOWED");
    const preflight = await fetch(`${url}/seg-2.m4s`, { method: "OPTIONS" });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("range");
  });

  test("the end wakes every waiter with ENDLIST, then the recording is at the same URL", async () => {
    const reloads = Array.from({ length: 50 }, () => fetch(`${url}/index.m3u8?_HLS_msn=6`));
    await fetch(`${url}/index.m3u8`);
    const ending = broadcast.packager.end();
    for (const reload of reloads) expect(await (await reload).text()).toContain("#EXT-X-ENDLIST");
    expect(await ending).toMatchObject({ segments: 6, durationMs: 6100 });
    const vod = await fetch(`${url}/index.m3u8?_HLS_msn=6`);
    expect(vod.headers.get("cache-control")).toBe("public, max-age=3600");
    const text = await vod.text();
    expect(text).toMatch(/PLAYLIST-TYPE:VOD[^]*seg-1.m4s[^]*seg-6.m4s\n#EXT-X-ENDLIST\n$/);
    const etag = vod.headers.get("etag") ?? "";
    const again = await fetch(`${url}/index.m3u8`, { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
    expect((await fetch(`${base}/${broadcast.videoUrl}.m3u8`)).status).toBe(200);
  });

  test.each([
    ["bytes=0-9", 206, "bytes 0-9/%", 10],
    ["bytes=100-", 206, "bytes 100-$/%", null],
    ["bytes=-5", 206, "bytes -5", 5],
    ["bytes=5-999999999", 206, "bytes 5-$/%", null],
    ["bytes=999999999-", 416, "bytes */%", null],
    ["bytes=-0", 416, "bytes */%", null],
    ["bytes=9-5", 200, null, null],
    ["bytes=0-1,3-4", 200, null, null],
    ["items=0-1", 200, null, null],
  ])(
    "range %s of a recorded segment is answered %i",
    async (range, status, contentRange, length) => {
      const whole = await (await fetch(`${url}/seg-2.m4s`)).bytes();
      const response = await fetch(`${url}/seg-2.m4s`, { headers: { range } });
      expect(response.status).toBe(status);
      const expected = contentRange
        ?.replace("-5", range === "bytes=-5" ? `${whole.length - 5}-$/%` : "-5")
        .replace("$", String(whole.length - 1)).replace("%", String(whole.length)) ?? null;
      expect(response.headers.get("content-range")).toBe(expected);
      const body = await response.bytes();
      if (length !== null) expect(body).toHaveLength(length);
    },
  );
});

test("a viewer who comes before the first picture waits for it", async () => {
  const videoUrl = "comessoon123";
  live.announce(videoUrl);
  const waiting = fetch(`${base}/${videoUrl}.m3u8`);
  const broadcast = start({ start: { videoUrl } });
  broadcast.pushUntil(2.1);
  expect((await waiting).status).toBe(200);
  await broadcast.packager.end();
});

test("without a recording the last window can be watched for a while", async () => {
  const broadcast = start();
  broadcast.pushUntil(5);
  const summary = await broadcast.packager.end();
  expect(summary.recordedBytes).toBe(0);
  const playlist = await fetch(`${base}/${broadcast.videoUrl}/1/high/index.m3u8`);
  expect(await playlist.text()).toContain("#EXT-X-ENDLIST");
});

test("a newer broadcast of the same video takes the URL, the old one's files stay", async () => {
  const first = start({ recorder });
  first.pushUntil(4);
  await first.packager.end();
  const second = start({ recorder, start: { videoUrl: first.videoUrl, epoch: 2 } });
  second.pushUntil(4.1);
  const text = await (await fetch(`${base}/${first.videoUrl}.m3u8`)).text();
  expect(text).toContain(`${first.videoUrl}/2/high/index.m3u8`);
  expect((await fetch(`${base}/${first.videoUrl}/1/high/seg-1.m4s`)).status).toBe(200);
  await second.packager.end();
  const vod = await (await fetch(`${base}/${first.videoUrl}/2/high/index.m3u8`)).text();
  expect(vod).toMatch(/..\/..\/1\/high\/seg-1.m4s[^]*#EXT-X-DISCONTINUITY[^]*\nseg-1.m4s/);
});

test("start() says which port is taken", async () => {
  const { port } = server;
  const storage = createFileStorage({ directory });
  const options = { host: "127.0.0.1", port, storage, live, log: silentLogger };
  const second = createPlaybackServer(options);
  await expect(second.start()).rejects.toMatchObject({
    code: "EADDRINUSE",
    message: `playback port ${port} on 127.0.0.1 is already in use`,
  });
  await second.stop();
});

test("start() passes on why an address cannot be listened on", async () => {
  const storage = createFileStorage({ directory });
  // An address kept for documentation, which no machine has.
  const options = { host: "192.0.2.1", port: 0, storage, live, log: silentLogger };
  await expect(createPlaybackServer(options).start()).rejects.toMatchObject({
    name: "PlaybackListenError",
    code: "EADDRNOTAVAIL",
  });
});

test("requests past the bound are refused, those who wait stay", async () => {
  const storage = createFileStorage({ directory });
  const options = { host: "127.0.0.1", port: 0, storage, live, log: silentLogger };
  const own = createPlaybackServer({ ...options, maxRequests: 2 });
  await own.start();
  const broadcast = start();
  broadcast.pushUntil(4.1);
  const path = `/hls-live/${broadcast.videoUrl}/1/high/index.m3u8?_HLS_msn=5`;
  const ask = () => fetch(`http://127.0.0.1:${own.port}${path}`);
  const asked = [ask(), ask(), ask()];
  const refused = await Promise.race(asked);
  await expectProblem(refused, 503, "UNAVAILABLE");
  expect(refused.headers.get("retry-after")).toBe("2");
  broadcast.pushUntil(6.1);
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 200, 503]);
  expect((await ask()).status).toBe(200);
  await own.stop();
  await broadcast.packager.end();
});

test("stop() answers those who wait", async () => {
  const registry = new LiveRegistry();
  const storage = createFileStorage({ directory });
  const options = { host: "127.0.0.1", port: 0, storage, live: registry, log: silentLogger };
  const own = createPlaybackServer(options);
  await own.start();
  const broadcast = startSyntheticBroadcast({ live: registry });
  broadcast.pushUntil(4.1);
  const url = `http://127.0.0.1:${own.port}/hls-live/${broadcast.videoUrl}/1/high/index.m3u8`;
  await fetch(url);
  const waiting = Promise.all([fetch(`${url}?_HLS_msn=5`), fetch(`${url}?_HLS_msn=5`)]);
  await fetch(url);
  const startedMs = performance.now();
  await own.stop();
  expect((await waiting).map(({ status }) => status)).toEqual([503, 503]);
  expect(performance.now() - startedMs).toBeLessThan(2500);
  registry.close();
});
