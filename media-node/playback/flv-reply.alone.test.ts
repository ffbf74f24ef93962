/**
 * A broadcast as FLV over real HTTP, read by ffprobe and by readers that misbehave.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newVideoUrl } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { probePackets, probeStreams } from "#test/helpers/ffmpeg.ts";
import { videoFrame } from "#test/helpers/source.ts";
import { recordTags } from "#test/helpers/tag-publisher.ts";
import { until } from "#test/helpers/until.ts";
import type { FlvSource } from "../formats/flv/flv-preamble.ts";
import { Normaliser } from "../ingest/normalise.ts";
import { Timeline } from "../ingest/timeline.ts";
import {
  type AudioTrack,
  type MediaFrame,
  TICKS_PER_MS,
  type VideoTrack,
} from "../formats/media.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import { createPlaybackServer, type PlaybackServer } from "./server.ts";

const SECONDS = 3;
const live = new LiveRegistry();
let directory: string;
let server: PlaybackServer;
let source: FlvSource;
let frames: MediaFrame[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-flv-"));
  const storage = createFileStorage({ directory });
  server = createPlaybackServer({ host: "127.0.0.1", port: 0, storage, live, log: silentLogger });
  const [tags] = await Promise.all([recordTags({ seconds: SECONDS }), server.start()]);
  frames = [];
  let video: VideoTrack | null = null;
  let audio: AudioTrack | null = null;
  const normaliser = new Normaliser(new Timeline(), {
    onMetadata: () => {},
    onVideoTrack: (track) => video = track,
    onAudioTrack: (track) => audio = track,
    onFrame: (frame) => frames.push(frame),
    onUnsupported: (sentence) => expect.fail(sentence),
  });
  for (const { type, dtsMs, body } of tags) normaliser.push({ type, timestampMs: dtsMs, body });
  normaliser.flush();
  source = {
    facts: {
      video: { codec: "avc1.42c00d", width: 320, height: 180, fps: 30, bitrateBps: null },
      audio: { codec: "mp4a.40.2", sampleRateHz: 48_000, channels: 2 },
      encoder: null,
    },
    video,
    audio,
    wallClockAtZeroMs: Date.now(),
  };
});

afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

const urlOf = (videoUrl: string) => `http://127.0.0.1:${server.port}/hls-live/${videoUrl}.flv`;

test("ffprobe reads both tracks, every frame since the keyframe, and the end", async () => {
  const videoUrl = newVideoUrl();
  const feed = live.flv.open(videoUrl);
  feed.start(source);
  // The pattern has a keyframe a second: who joins here starts at the second one.
  const joinAt = frames.findIndex(({ track, dtsTicks }) =>
    track === "video" && dtsTicks > 1500 * TICKS_PER_MS
  );
  for (const frame of frames.slice(0, joinAt)) feed.push(frame);
  const probes = Promise.all([
    probeStreams(urlOf(videoUrl)),
    probePackets(urlOf(videoUrl), "v:0"),
  ]);
  await until(() => live.viewers(videoUrl) === 2, 10_000);
  for (const frame of frames.slice(joinAt)) feed.push(frame);
  live.flv.close(videoUrl, feed);
  const [streams, packets] = await probes;
  expect(streams.map(({ codec_name }) => codec_name).toSorted()).toEqual(["aac", "h264"]);
  expect(packets[0]?.isKeyframe).toBe(true);
  expect(packets[0]?.ptsS).toBeCloseTo(1, 1);
  expect(packets).toHaveLength(60);
  expect(live.viewers(videoUrl)).toBe(0);
}, 30_000);

test("answers any page, is not cached, and says why there is nothing", async () => {
  const videoUrl = newVideoUrl();
  const unknown = await fetch(urlOf(videoUrl));
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toMatchObject({ code: "NOT_FOUND" });

  const feed = live.flv.open(videoUrl);
  const early = fetch(urlOf(videoUrl), { method: "HEAD" });
  feed.start(source);
  const { status, headers } = await early;
  expect(status).toBe(200);
  expect(Object.fromEntries(headers)).toMatchObject({
    "content-type": "video/x-flv",
    "cache-control": "no-store",
    "access-control-allow-origin": "*",
  });
  expect(feed.viewers).toBe(0);
  live.flv.close(videoUrl, feed);
  expect((await fetch(urlOf(videoUrl))).status).toBe(404);
});

test("a reader that stops reading is cut, and holds nothing meanwhile", async () => {
  const videoUrl = newVideoUrl();
  const feed = live.flv.open(videoUrl);
  feed.start(source);
  const socket = connect(server.port, "127.0.0.1");
  socket.pause();
  socket.write(`GET /hls-live/${videoUrl}.flv HTTP/1.1\r\nHost: x\r\n\r\n`);
  socket.on("error", () => {});
  await until(() => feed.viewers === 1, 5000);
  const bytes = 200_000;
  const memoryBefore = process.memoryUsage().rss;
  let pushed = 0;
  await until(() => {
    feed.push(videoFrame(pushed * 33, pushed % 10 === 0, bytes));
    pushed += 1;
    return feed.viewers === 0;
  }, 15_000);
  // What the system's socket buffers take, and twice what may wait for a viewer.
  expect(pushed * bytes).toBeLessThan(40 * 2 ** 20);
  expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(100 * 2 ** 20);
  socket.destroy();
  live.flv.close(videoUrl, feed);
}, 30_000);

test("a reader that leaves while nothing comes is forgotten", async () => {
  const videoUrl = newVideoUrl();
  const feed = live.flv.open(videoUrl);
  feed.start(source);
  const gone = new AbortController();
  const reading = fetch(urlOf(videoUrl), { signal: gone.signal }).catch(() => null);
  await until(() => feed.viewers === 1, 5000);
  gone.abort();
  await reading;
  await until(() => feed.viewers === 0, 5000);
  live.flv.close(videoUrl, feed);
});

test("/livez tells players the time", async () => {
  const response = await fetch(`http://127.0.0.1:${server.port}/livez`);
  const { now } = await response.json() as { now: string };
  expect(Math.abs(Date.parse(now) - Date.now())).toBeLessThan(5000);
});
