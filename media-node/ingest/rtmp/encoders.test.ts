import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { patternArgs, publishArgs, recordFlv } from "#test/helpers/ffmpeg.ts";
import { RtmpClient } from "#test/helpers/rtmp-client.ts";
import { until } from "#test/helpers/until.ts";
import { FlvReader } from "../../formats/flv/flv-reader.ts";
import { parseVideoTag } from "../../formats/flv/video-tag.ts";
import { type MediaFrame, TICKS_PER_MS } from "../../formats/media.ts";
import { Normaliser } from "../normalise.ts";
import type { PublisherEnd, PublishRequest, WireTag } from "../port.ts";
import { createIngestServer, type IngestServerOptions } from "./server.ts";
import { SourceObserver } from "../source-facts.ts";
import { Timeline } from "../timeline.ts";

const run = promisify(execFile);
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function start(options: Partial<IngestServerOptions> = {}) {
  const tags: WireTag[] = [];
  const ends: PublisherEnd[] = [];
  const requests: PublishRequest[] = [];
  const server = createIngestServer({
    host: "127.0.0.1",
    port: 0,
    app: "streaming",
    log: silentLogger,
    onPublish: (request) => {
      requests.push(request);
      if (request.streamKey !== "sk_good") {
        const reason = "The stream key is unknown: copy it again from the dashboard.";
        return Promise.resolve({ isAccepted: false, code: "BadName", reason });
      }
      const sink = {
        onStart: () => {},
        onTag: (tag: WireTag) => void tags.push(tag),
        onEnd: (end: PublisherEnd) => void ends.push(end),
      };
      return Promise.resolve({ isAccepted: true, sink });
    },
    ...options,
  });
  await server.start();
  stops.push(() => server.stop());
  return { server, tags, ends, requests, url: `rtmp://127.0.0.1:${server.port}` };
}

const count = (tags: readonly { type: string }[], type: string) =>
  tags.filter((tag) => tag.type === type).length;

describe("a real ffmpeg", () => {
  test("publishes, and every tag of its file arrives in order and unchanged", async () => {
    const pattern = { size: "320x180", fps: 30, bFrames: 2, seconds: 2 };
    const expected: { type: string; body: Uint8Array }[] = [];
    new FlvReader((tag) => expected.push(tag)).push(await recordFlv(pattern));
    const { tags, ends, url, requests } = await start();
    const { code, stderr } = await publishArgs([
      ...patternArgs(pattern),
      `${url}/streaming/sk_good`,
    ]).exited;
    expect({ code, stderr: stderr.includes("rror") }).toEqual({ code: 0, stderr: false });
    await until(() => ends.length === 1, 2000);
    expect(ends).toEqual([{ cause: "stopped" }]);
    expect(requests[0]?.encoder).toContain("Lavf");
    for (const type of ["audio", "video"]) expect(count(tags, type)).toBe(count(expected, type));
    const videos = (all: readonly { type: string; body: Uint8Array }[]) =>
      all.filter((tag) => tag.type === "video").map((tag) =>
        Buffer.from(tag.body).toString("base64")
      );
    expect(videos(tags)).toEqual(videos(expected));
    const timeline = new Timeline();
    const times = normalise(tags, timeline).filter(({ track }) => track === "video")
      .map(({ dtsTicks }) => dtsTicks);
    expect(times).toHaveLength(60);
    expect(times.every((ticks, i) => i === 0 || ticks > (times[i - 1] ?? 0))).toBe(true);
    expect(timeline.jumps).toBe(0);
    expect(timeline.headMs).toBeGreaterThan(1900);
  });

  test("with a wrong key or app exits at once and shows our sentence", async () => {
    const { url, tags } = await start();
    for (
      const [path, words] of [
        ["streaming/sk_wrong", "The stream key is unknown: copy it again"],
        ["live/sk_good", 'There is no application "live" here'],
      ]
    ) {
      const startedAtMs = performance.now();
      const { code, stderr } = await publishArgs([
        ...patternArgs({ seconds: 20 }),
        `${url}/${path}`,
      ]).exited;
      expect(performance.now() - startedAtMs).toBeLessThan(4000);
      expect(code).not.toBe(0);
      expect(stderr).toContain(words);
    }
    expect(tags).toEqual([]);
  });

  test("keeps timestamps past 2^24 ms, where they become extended", async () => {
    const { url, tags, ends } = await start();
    const args = patternArgs({ seconds: 1, bFrames: 0 });
    const shifted = [...args.slice(0, -2), "-output_ts_offset", "20000", ...args.slice(-2)];
    await publishArgs([...shifted, `${url}/streaming/sk_good`]).exited;
    await until(() => ends.length === 1, 2000);
    const raw = tags.filter(isVideoFrame).map((tag) => tag.timestampMs);
    expect(raw).toHaveLength(30);
    expect(raw[0]).toBeGreaterThanOrEqual(20_000_000);
    const placed = normalise(tags, new Timeline()).filter(({ track }) => track === "video");
    expect(placed).toHaveLength(30);
    const lastTicks = placed.at(-1)?.dtsTicks ?? 0;
    expect(lastTicks - (placed[0]?.dtsTicks ?? 0)).toBe(967 * TICKS_PER_MS);
  });

  test("publishes over RTMPS", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-rtmps-"));
    stops.push(() => rm(directory, { recursive: true }));
    const [keyFile, certFile] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    await run("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-keyout", keyFile, "-out", certFile, "-days", "2", "-subj", "/CN=localhost"],
    ]);
    const tls = { key: await readFile(keyFile, "utf8"), cert: await readFile(certFile, "utf8") };
    const { server, tags, ends } = await start({ tls });
    const url = `rtmps://127.0.0.1:${server.port}/streaming/sk_good`;
    const { code } = await publishArgs([...patternArgs({ seconds: 1 }), url]).exited;
    expect(code).toBe(0);
    await until(() => ends.length === 1, 2000);
    expect(tags.filter(isVideoFrame)).toHaveLength(30);
    const plain = await RtmpClient.open({ port: server.port });
    stops.push(() => Promise.resolve(plain.destroy()));
    plain.sendRaw(Buffer.alloc(2000, 3));
    await plain.closed();
  });
});

function isVideoFrame(tag: WireTag): boolean {
  return tag.type === "video" && parseVideoTag(tag.body).kind === "frame";
}

/** `tags` as frames; `observer` is told what there is to know about them. */
function normalise(
  tags: readonly WireTag[],
  timeline: Timeline,
  observer = new SourceObserver(),
): MediaFrame[] {
  const frames: MediaFrame[] = [];
  const normaliser = new Normaliser(timeline, {
    onMetadata: (metadata) => observer.noteMetadata(metadata),
    onVideoTrack: (track, sps) => observer.useVideo(track, sps),
    onAudioTrack: (track) => observer.useAudio(track),
    onFrame: (frame) => {
      observer.note(frame);
      frames.push(frame);
    },
    onUnsupported: (sentence) => expect.fail(sentence),
  });
  for (const tag of tags) normaliser.push(tag);
  normaliser.flush();
  return frames;
}

describe("SourceObserver on ffmpeg's own streams", () => {
  const observe = async (args: readonly string[]) => {
    const { url, tags, ends } = await start();
    await publishArgs([...args, "-f", "flv", `${url}/streaming/sk_good`]).exited;
    await until(() => ends.length === 1, 5000);
    const observer = new SourceObserver();
    const frames = normalise(tags, new Timeline(), observer);
    return { observer, frames };
  };
  const video = (size: string, fps: string, ...more: string[]) => [
    ...["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=${fps}`],
    ...["-t", "2", "-c:v", "libx264", "-preset", "ultrafast", ...more],
  ];

  test("reads a cropped High stream with B-frames at an NTSC rate", async () => {
    const { observer, frames } = await observe([
      ...["-f", "lavfi", "-i", "testsrc2=size=426x238:rate=30000/1001"],
      ...["-f", "lavfi", "-i", "sine=sample_rate=44100", "-t", "2", "-ac", "1", "-c:a", "aac"],
      ...["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-bf", "2"],
      ...["-pix_fmt", "yuv420p", "-g", "15", "-sc_threshold", "0"],
    ]);
    expect(observer.facts()).toMatchObject({
      video: { codec: expect.stringMatching(/^avc1\.6400[0-9a-f]{2}$/), width: 426, height: 238 },
      audio: { codec: "mp4a.40.2", sampleRateHz: 44_100, channels: 1 },
      encoder: expect.stringContaining("Lavf"),
    });
    expect(observer.facts().video?.fps).toBeCloseTo(30000 / 1001, 5);
    expect(observer.isCommonFormat).toBe(true);
    expect(observer.hasBFrames).toBe(true);
    expect([observer.declares("video"), observer.declares("audio")]).toEqual([true, true]);
    const keyframes = frames.filter(({ track, isKeyframe }) => track === "video" && isKeyframe);
    const intervalsMs = keyframes.slice(1).map(({ dtsTicks }, index) =>
      (dtsTicks - (keyframes[index]?.dtsTicks ?? 0)) / TICKS_PER_MS
    );
    expect(intervalsMs).toEqual([500, 500, 500].map((ms) => expect.closeTo(ms, -1)));
    expect(observer.audio).toMatchObject({ kind: "aac", config: { samplesPerFrame: 1024 } });
    expect(observer.video).toMatchObject({ isInterlaced: false, config: { width: 426 } });
  });

  test("reads a portrait Baseline stream without audio", async () => {
    const profile = ["-profile:v", "baseline", "-pix_fmt", "yuv420p"];
    const { observer } = await observe(video("180x320", "60", ...profile));
    expect(observer.facts()).toMatchObject({
      video: { codec: expect.stringMatching(/^avc1\.42c0/), width: 180, height: 320, fps: 60 },
      audio: null,
    });
    expect(observer.facts().video?.bitrateBps).toBeGreaterThan(0);
    expect(observer.hasBFrames).toBe(false);
    // Of FFmpeg's metadata alone a codec id that is missing says that there is none.
    expect(observer.declares("audio")).toBe(false);
  });

  test("tells 4:4:4 and 10 bits from the common format", async () => {
    for (const format of ["yuv444p", "yuv420p10le"]) {
      const { observer } = await observe(video("64x64", "10", "-pix_fmt", format));
      expect(observer.isCommonFormat).toBe(false);
      expect(observer.facts().video).toMatchObject({ width: 64, height: 64, fps: 10 });
    }
  });

  test("names MP3 as what it is", async () => {
    const mp3 = ["-f", "lavfi", "-i", "sine=sample_rate=44100", "-t", "1", "-c:a", "libmp3lame"];
    const { observer } = await observe(mp3);
    expect(observer.facts().audio).toEqual({ codec: "MP3", sampleRateHz: 44_100, channels: 1 });
    expect(observer.audio).toMatchObject({ kind: "classic", codec: "MP3" });
  });
});
