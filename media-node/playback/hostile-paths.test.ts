import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { startSyntheticBroadcast } from "#test/helpers/synthetic-broadcast.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import { LiveStoryboard } from "../live/live-storyboard.ts";
import { createRecorder } from "../recorder/recorder.ts";
import { createPlaybackServer, type PlaybackServer } from "./server.ts";

const live = new LiveRegistry();
let directory: string;
let server: PlaybackServer;
let videoUrl: string;
const number = 1000;
const storyboard = new LiveStoryboard(60_000, () => number * 1000);
const create = { width: 160, height: 90, channels: 3, background: "#00f" } as const;

/** A recording in storage, and a secret beside it. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-hostile-"));
  await writeFile(join(directory, "secret.txt"), "do not tell");
  const storage = createFileStorage({ directory: join(directory, "storage") });
  const recorder = createRecorder({ storage, nodeId: "test", log: silentLogger });
  server = createPlaybackServer({ host: "127.0.0.1", port: 0, storage, live, log: silentLogger });
  await server.start();
  const broadcast = startSyntheticBroadcast({ live, recorder });
  videoUrl = broadcast.videoUrl;
  live.storyboards.open(videoUrl, storyboard);
  storyboard.add(0, await sharp({ create }).jpeg().toBuffer());
  broadcast.pushUntil(4.1);
  await broadcast.packager.end();
});

afterAll(async () => {
  await server.stop();
  live.close();
  await rm(directory, { recursive: true });
});

/** What a path is answered that no client library would send as it is. */
function askFor(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    });
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}

test("the video of the corpus is there under its own path", async () => {
  expect(await askFor(`/hls-live/${videoUrl}/storyboard.vtt`)).toMatch(/^HTTP\/1.1 200/);
  expect(await askFor(`/hls-live/${videoUrl}/storyboard-${number}.jpg`)).toMatch(/^HTTP\/1.1 200/);
  expect(await askFor(`/hls-live/${videoUrl}/1/high/seg-1.m4s`)).toMatch(/^HTTP\/1.1 200/);
});

test.each([
  "/../etc/passwd",
  "/..",
  "/.",
  "//",
  "/%2e%2e/%2e%2e/etc/passwd",
  "/..%2f..%2fetc%2fpasswd",
  "/hls-live/../../etc/passwd",
  "/hls-live/..%2f..%2fetc/passwd.m3u8",
  "/hls-live/.m3u8",
  "/hls-live/%2e%2e.m3u8",
  "/hls-live/a/b.m3u8",
  "/hls-live/....m3u8",
  "/hls-live/ABCDEFGHIJKL.m3u8",
  "/hls-live/abcdefghijkl/1/high/../../../../recordings",
  "/hls-live/abcdefghijkl/1/high/..",
  "/hls-live/abcdefghijkl/1/high/%2e%2e%2findex.m3u8",
  "/hls-live/abcdefghijkl/1/../index.m3u8",
  "/hls-live/abcdefghijkl/1/high/index.m3u8%00",
  "/hls-live/abcdefghijkl/1/high/seg-1.m4s/",
  "/hls-live/abcdefghijkl/1/high/seg--1.m4s",
  "/hls-live/abcdefghijkl/1/high/seg-1.m4s;x",
  "/hls-live/abcdefghijkl/-1/high/seg-1.m4s",
  "/hls-live/abcdefghijkl/0x1/high/seg-1.m4s",
  "/hls-live/abcdefghijkl/1/ultra/seg-1.m4s",
  "/hls-live/abcdefghijkl/1//seg-1.m4s",
  "/hls-live\\abcdefghijkl.m3u8",
  "/hls-live/abcdefghijkl/1/high/journal-0.json",
  "/hls-live/abcdefghijkl/1/recording.json",
  "/recordings/test/",
  "/videos/x/1/high/seg-0.m4s",
  "http://evil.example/hls-live/abcdefghijkl.m3u8",
  "//evil.example/",
  "/\\evil.example",
  "*",
  "/hls-live/%2e%2e/%2e%2e/%2e%2e/SECRET",
  "/hls-live/..%5c..%5cSECRET",
  "/hls-live/..\\..\\SECRET",
  "/hls-live/....//....//SECRET",
  "/hls-live/..;/..;/SECRET",
  "/hls-live/%252e%252e%252fSECRET",
  "/hls-live/%c0%ae%c0%ae/SECRET",
  "/hls-live/%uff0e%uff0e/SECRET",
  "/hls-live/./SECRET",
  "/SECRET",
  "/./SECRET",
  "/%2fSECRET",
  "/hls-live/VIDEO/1/high/../../../../../SECRET",
  "/hls-live/VIDEO/1/high/..%2f..%2f..%2f..%2fSECRET",
  "/hls-live/VIDEO/1/high/%2e%2e%5c%2e%2e%5cSECRET",
  "/hls-live/VIDEO/1/high/seg-1.m4s%00.mp4",
  "/hls-live/VIDEO/1/high/seg-1.m4s%0d%0aX-Evil:%201",
  "/hls-live/VIDEO/1/high/seg-1.m4s%20",
  "/hls-live/VIDEO/1/high/seg-1%2em4s",
  "/hls-live/VIDEO/1/high/SEG-1.M4S",
  "/hls-live/VIDEO/1/high/seg-01.m4s",
  "/hls-live/VIDEO/1/high/seg-1e0.m4s",
  "/hls-live/VIDEO/1/high/seg-99999999999999999999.m4s",
  "/hls-live/VIDEO/01/high/seg-1.m4s",
  "/hls-live/VIDEO/9999999999999999/high/seg-1.m4s",
  "/hls-live/VIDEO/1/high/.incoming",
  "/hls-live/VIDEO/1/high/seg-1.m4s/../../../../../../SECRET",
  "/hls-live/VIDEO/1/high/",
  "/hls-live/VIDEO/1/high",
  "/hls-live/VIDEO/",
  "/hls-live/",
  "/hls-live",
  "/hls-live/VIDEO/storyboard.vtt/",
  "/hls-live/VIDEO/storyboard.vtt%00",
  "/hls-live/VIDEO/storyboard%2evtt",
  "/hls-live/VIDEO/STORYBOARD.VTT",
  "/hls-live/VIDEO/1/storyboard.vtt",
  "/hls-live/VIDEO/storyboard/storyboard.vtt",
  "/hls-live/VIDEO/../storyboard.vtt",
  "/hls-live/VIDEO/storyboard-.jpg",
  "/hls-live/VIDEO/storyboard-01.jpg",
  "/hls-live/VIDEO/storyboard--1.jpg",
  "/hls-live/VIDEO/storyboard-1e3.jpg",
  "/hls-live/VIDEO/storyboard-NUMBER.jpg/",
  "/hls-live/VIDEO/storyboard-NUMBER.jpg%00.jpg",
  "/hls-live/VIDEO/storyboard-NUMBER.jpg;x",
  "/hls-live/VIDEO/storyboard-99999999999999999999.jpg",
  "/hls-live/VIDEO/storyboard-..%2f..%2fSECRET",
  "/hls-live/VIDEO/storyboard-1.jpg/../../../SECRET",
  "/hls-live/VIDEO.m3u8/",
  "/hls-live/VIDEO.m3u8.bak",
  "/hls-live/VIDEO.M3U8",
  "/hls-live/VIDEO%2em3u8",
  "/hls-live%2fVIDEO.m3u8",
  "/HLS-LIVE/VIDEO.m3u8",
  "//hls-live/VIDEO.m3u8",
  "///evil.example/%2e%2e",
  "/videos/VIDEO/1/high/seg-1.m4s",
  "/file:///etc/passwd",
  "file:///etc/passwd",
  "",
])("%s is 400 or 404, tells nothing and sends nobody elsewhere", async (form) => {
  const path = form.replace("VIDEO", videoUrl).replace("SECRET", "secret.txt")
    .replace("NUMBER", String(number));
  const answer = await askFor(path);
  expect(answer).toMatch(/^HTTP\/1.1 40[04] /);
  expect(answer).not.toMatch(/^location:/im);
  expect(answer).not.toMatch(/do not tell|root:|#EXTM3U|X-Evil/);
});
