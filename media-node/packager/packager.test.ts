/**
 * The whole of packager, recorder and playback on real media: what ffmpeg encoded goes in, and
 * ffmpeg, ffprobe and the strict checker read what is served.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as HLS from "hls-parser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { isMadeOfParts } from "#shared/hls/check-bytes.ts";
import { checkMultivariant } from "#shared/hls/check-multivariant.ts";
import { checkMediaPlaylist, readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { checkReload } from "#shared/hls/check-reload.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import {
  probePackets,
  probeStreams,
  runForOutput,
  type TestPattern,
} from "#test/helpers/ffmpeg.ts";
import { delay, feed, type MediaEvent, recordMedia } from "#test/helpers/media-source.ts";
import { readBoxes } from "../formats/mp4/boxes.ts";
import { createPlaybackServer, type PlaybackServer } from "../playback/server.ts";
import { createRecorder } from "../recorder/recorder.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import { createPackager } from "./packager.ts";
import type { PackagerStart } from "./port.ts";

const live = new LiveRegistry();
let directory: string;
let server: PlaybackServer;
let recorder: ReturnType<typeof createRecorder>;
let base: string;
let videos = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-packager-"));
  const storage = createFileStorage({ directory });
  recorder = createRecorder({ storage, nodeId: "test", log: silentLogger });
  server = createPlaybackServer({ host: "127.0.0.1", port: 0, storage, live, log: silentLogger });
  await server.start();
  base = `http://127.0.0.1:${server.port}/hls-live`;
});

afterAll(async () => {
  await server.stop();
  await recorder.stop();
  live.close();
  await rm(directory, { recursive: true });
});

function startPackager(change: Partial<PackagerStart> = {}) {
  videos += 1;
  const videoUrl = `video${String(videos).padStart(7, "0")}`;
  const packager = createPackager({
    videoUrl,
    epoch: 1,
    rungs: [{ name: "high", width: 320, height: 180, videoBitrateBps: 400_000, isCopy: true }],
    wallClockAtZeroMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    segmentTargetMs: 2000,
    partTargetMs: null,
    hasVideo: true,
    hasAudio: true,
    ...change,
  }, { live, recorder, log: silentLogger });
  return { packager, videoUrl };
}

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  return await response.text();
}

/** The variants of a multivariant playlist that passes both checkers. */
async function variantsOf(videoUrl: string): Promise<string[]> {
  const multivariant = await text(`${base}/${videoUrl}.m3u8`);
  expect(checkMultivariant(multivariant)).toEqual([]);
  HLS.parse(multivariant);
  return multivariant.split("\n").filter((line) => /^[^#]/.test(line)).map((uri) =>
    `${base}/${uri}`
  );
}

/** Decodes everything and fails on the first complaint of ffmpeg. */
async function decode(url: string): Promise<void> {
  const args = ["-v", "warning", "-xerror", "-i", url, "-f", "null", "-"];
  await runForOutput("ffmpeg", args);
}

function expectEvenlySpaced(ptsS: readonly number[], toleranceS: number): void {
  const sorted = ptsS.toSorted((one, other) => one - other);
  const gaps = sorted.slice(1).map((pts, index) => pts - (sorted[index] ?? 0));
  const typical = gaps.toSorted((one, other) => one - other)[Math.floor(gaps.length / 2)] ?? 0;
  expect(Math.max(...gaps) - typical).toBeLessThanOrEqual(toleranceS);
}

async function packageWhole(
  pattern: TestPattern & { seconds: number },
  rungs?: PackagerStart["rungs"],
) {
  const events = await recordMedia(pattern);
  const { packager, videoUrl } = startPackager({
    hasVideo: pattern.size !== null,
    hasAudio: pattern.audioCodec !== null,
    ...(rungs === undefined ? {} : { rungs }),
  });
  feed(packager, events, ["high"]);
  const summary = await packager.end();
  return { events, summary, videoUrl };
}

describe("three rungs", () => {
  const sizes: Record<RenditionName, string> = { low: "160x90", mid: "320x180", high: "640x360" };
  const names: RenditionName[] = ["low", "mid", "high"];
  let videoUrl: string;
  let events: Record<RenditionName, MediaEvent[]>;

  beforeAll(async () => {
    const record = async (name: RenditionName) =>
      await recordMedia({ size: sizes[name], seconds: 9, keyframeSeconds: 1 });
    events = { low: await record("low"), mid: await record("mid"), high: await record("high") };
  });

  test("createPackager() makes the same URL live, then the whole recording", async () => {
    const rungs = names.map((name) => {
      const [width = 0, height = 0] = sizes[name].split("x").map(Number);
      return { name, width, height, videoBitrateBps: 800_000, isCopy: name === "high" };
    });
    const started = startPackager({ rungs });
    videoUrl = started.videoUrl;
    const waiting = fetch(`${base}/${videoUrl}.m3u8`);
    feed(started.packager, events.high.filter(({ dtsMs }) => dtsMs < 6500), ["high"]);
    for (const name of ["low", "mid"] as const) {
      const video = events[name].filter(({ kind }) => kind.startsWith("video"));
      feed(started.packager, video.filter(({ dtsMs }) => dtsMs < 6500), [name]);
    }
    expect((await waiting).status).toBe(200);
    for (const url of await variantsOf(videoUrl)) {
      const playlist = await text(url);
      expect(checkMediaPlaylist(playlist)).toEqual([]);
      HLS.parse(playlist);
      expect(playlist).toContain("seg-3.m4s");
    }
    feed(started.packager, events.high.filter(({ dtsMs }) => dtsMs >= 6500), ["high"]);
    for (const name of ["low", "mid"] as const) {
      const video = events[name].filter(({ kind }) => kind.startsWith("video"));
      feed(started.packager, video.filter(({ dtsMs }) => dtsMs >= 6500), [name]);
    }
    const summary = await started.packager.end();
    expect(summary.durationMs).toBeGreaterThanOrEqual(8990);
    expect(summary.recordedBytes).toBeGreaterThan(100_000);
    expect(live.get(videoUrl)?.isArchived).toBe(true);
  });

  test("with parts it is there with the first of each rendition, and a copy costs its ceiling or more", async () => {
    const media = await recordMedia({ size: "320x180", seconds: 9, keyframeSeconds: 2 });
    const rungs = (["low", "high"] as const).map((name) => {
      return { name, width: 320, height: 180, videoBitrateBps: 9e6, isCopy: name === "high" };
    });
    const started = startPackager({ rungs, partTargetMs: 340 });
    const feedUpTo = (ms: number, name: RenditionName) =>
      feed(started.packager, media.filter(({ dtsMs }) => dtsMs < ms), [name]);
    feedUpTo(500, "low");
    expect(started.packager.isPlayable).toBe(false);
    feedUpTo(500, "high");
    const rendition = live.get(started.videoUrl)?.rendition("high");
    expect(rendition?.parts).toBe(1);
    expect(started.packager.isPlayable).toBe(true);
    const bandwidths = () =>
      [...live.get(started.videoUrl)?.renderMultivariant().matchAll(/:BANDWIDTH=(\d+)/g) ?? []]
        .map(([, bps]) => Number(bps));
    expect(bandwidths()).toEqual([9_192_000, 9_192_000]);
    feedUpTo(5000, "low");
    feedUpTo(5000, "high");
    expect(bandwidths()[1]).toBeLessThan(5_000_000);
    // A copy that is given up costs what encoders may fill.
    started.packager.useRungs(rungs.map((rung) => ({ ...rung, isCopy: false })));
    expect(bandwidths()).toEqual([9_192_000, 9_192_000]);
    await started.packager.end();
  });

  test("without parts, a copy waits for the renditions that are encoded, if not for long", async () => {
    const media = await recordMedia({ size: "320x180", seconds: 9, keyframeSeconds: 2 });
    const rungs = (["low", "high"] as const).map((name) => {
      return { name, width: 320, height: 180, videoBitrateBps: 4e5, isCopy: name === "high" };
    });
    const started = startPackager({ rungs });
    const alone = startPackager({ rungs });
    const upTo = (seconds: number, { packager }: typeof started, name: RenditionName) =>
      feed(packager, media.filter(({ dtsMs }) => dtsMs < seconds * 1000), [name]);
    upTo(4.2, started, "high");
    expect(started.packager.isPlayable).toBe(false);
    upTo(4.2, started, "low");
    expect(await variantsOf(started.videoUrl)).toHaveLength(2);
    upTo(6.2, alone, "high");
    expect(await variantsOf(alone.videoUrl)).toHaveLength(1);
    await Promise.all([started.packager.end(), alone.packager.end()]);
  });

  test("the recording has every rendition, whole, with equal keyframe times", async () => {
    const urls = await variantsOf(videoUrl);
    expect(urls).toHaveLength(3);
    const keyframes: number[][] = [];
    for (const url of urls) {
      const playlist = await text(url);
      expect(checkMediaPlaylist(playlist)).toEqual([]);
      HLS.parse(playlist);
      expect(playlist).toContain("#EXT-X-PLAYLIST-TYPE:VOD");
      const video = await probePackets(url, "v:0");
      const audio = await probePackets(url, "a:0");
      expect(video).toHaveLength(270);
      expectEvenlySpaced(video.map(({ ptsS }) => ptsS), 0.002);
      expectEvenlySpaced(audio.map(({ ptsS }) => ptsS), 0.001);
      expect(Math.abs((video[0]?.ptsS ?? 9) - (audio[0]?.ptsS ?? 0))).toBeLessThan(0.022);
      keyframes.push(video.filter((packet) => packet.isKeyframe).map(({ ptsS }) => ptsS));
      await decode(url);
    }
    expect(keyframes[0]).toHaveLength(9);
    expect(keyframes[1]).toEqual(keyframes[0]);
    expect(keyframes[2]).toEqual(keyframes[0]);
  });
});

describe("sources", () => {
  test.each<[string, TestPattern & { seconds: number }, number]>([
    ["B-frames", { bFrames: 3, seconds: 5 }, 150],
    ["60 fps", { fps: 60, seconds: 4 }, 240],
    ["23.976 fps", { fps: 24000 / 1001, seconds: 4 }, 96],
    ["mono 44.1 kHz", { audioChannels: 1, audioRateHz: 44_100, seconds: 4 }, 120],
    ["video only", { audioCodec: null, seconds: 4 }, 120],
    ["long GOPs", { keyframeSeconds: 4, seconds: 9 }, 270],
  ])("%s plays without a gap", async (_, pattern, frames) => {
    const { videoUrl } = await packageWhole(pattern);
    const [url = ""] = await variantsOf(videoUrl);
    expect(checkMediaPlaylist(await text(url))).toEqual([]);
    const video = await probePackets(url, "v:0");
    expect(video).toHaveLength(frames);
    expectEvenlySpaced(video.map(({ ptsS }) => ptsS), 0.002);
    if (pattern.audioCodec !== null) {
      expectEvenlySpaced((await probePackets(url, "a:0")).map(({ ptsS }) => ptsS), 0.001);
    }
    await decode(url);
  });

  test("audio only is cut by time", async () => {
    const rungs = [
      { name: "high", width: null, height: null, videoBitrateBps: 0, isCopy: true } as const,
    ];
    const { videoUrl } = await packageWhole({ size: null, seconds: 8 }, rungs);
    const [url = ""] = await variantsOf(videoUrl);
    expect(checkMediaPlaylist(await text(url))).toEqual([]);
    expect((await probeStreams(url)).map(({ codec_type }) => codec_type)).toEqual(["audio"]);
    const audio = await probePackets(url, "a:0");
    expect(audio.length).toBeGreaterThanOrEqual(375);
    expectEvenlySpaced(audio.map(({ ptsS }) => ptsS), 0.001);
    await decode(url);
  });

  test("a change of size begins a new init segment with a discontinuity", async () => {
    const before = await recordMedia({ size: "320x180", seconds: 3 });
    const after = delay(await recordMedia({ size: "160x90", seconds: 3 }), 3000);
    const { packager, videoUrl } = startPackager();
    feed(packager, before, ["high"]);
    packager.markDiscontinuity();
    feed(packager, after, ["high"]);
    await packager.end();
    const [url = ""] = await variantsOf(videoUrl);
    const playlist = await text(url);
    expect(checkMediaPlaylist(playlist)).toEqual([]);
    expect(playlist.match(/#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="init-1.mp4"/g)).toHaveLength(1);
    // ffmpeg's HLS reader keeps the first init segment, so each run is decoded on its own.
    for (const init of ["init-0.mp4", "init-1.mp4"]) {
      const run = playlist.split("#EXT-X-MAP:URI=").find((part) => part.startsWith(`"${init}"`));
      const names = [init, ...run?.match(/^seg-.*$/gm) ?? []];
      expect(names.length).toBeGreaterThan(2);
      const files = names.map((name) => fetch(new URL(name, url)).then((file) => file.bytes()));
      const input = Buffer.concat(await Promise.all(files));
      await runForOutput(
        "ffmpeg",
        ["-v", "warning", "-xerror", "-i", "-", "-f", "null", "-"],
        input,
      );
    }
  });
});

describe("parts", () => {
  test.each<[string, TestPattern & { seconds: number }]>([
    ["30 fps", { seconds: 12 }],
    ["60 fps", { fps: 60, seconds: 8 }],
    ["B-frames at 25 fps", { fps: 25, bFrames: 2, seconds: 8 }],
  ])("%s: every load of the playlist keeps every rule", async (_, pattern) => {
    const events = await recordMedia(pattern);
    const { packager, videoUrl } = startPackager({ partTargetMs: 340 });
    const rendition = live.get(videoUrl)?.rendition("high");
    let before = "";
    for (const event of events) {
      feed(packager, [event], ["high"]);
      if (!packager.isPlayable || rendition === undefined) continue;
      const after = rendition.render(false);
      if (after === before) continue;
      expect(checkMediaPlaylist(after)).toEqual([]);
      expect(checkMediaPlaylist(rendition.render(true))).toEqual([]);
      expect(checkReload(before || after, after)).toEqual([]);
      before = after;
    }
    expect(readMediaPlaylist(before).segments.length).toBeGreaterThan(3);
    const [url = ""] = await variantsOf(videoUrl);
    await expectPartsMakeSegments(url);
    await packager.end();
    expect(checkMediaPlaylist(await text(url))).toEqual([]);
    const video = await probePackets(url, "v:0");
    expect(video).toHaveLength(Math.round((pattern.fps ?? 30) * pattern.seconds));
    expectEvenlySpaced(video.map(({ ptsS }) => ptsS), 0.002);
    await decode(url);
  });

  async function expectPartsMakeSegments(url: string): Promise<void> {
    const read = readMediaPlaylist(await text(url));
    const bytesOf = async (name: string) => {
      const response = await fetch(new URL(name, url));
      expect(response.status).toBe(200);
      return await response.bytes();
    };
    for (const segment of read.segments.filter(({ parts }) => parts.length > 0)) {
      const parts = await Promise.all(segment.parts.map(({ uri }) => bytesOf(uri)));
      const whole = await bytesOf(segment.uri);
      expect(isMadeOfParts(whole, parts)).toBe(true);
      expect(readBoxes(whole).map(({ type }) => type)).toEqual(["moof", "mdat"]);
    }
  }

  test("the hinted part is answered when it comes, a blocking reload likewise", async () => {
    const events = await recordMedia({ seconds: 4 });
    const { packager, videoUrl } = startPackager({ partTargetMs: 340 });
    feed(packager, events.filter(({ dtsMs }) => dtsMs < 2500), ["high"]);
    const [url = ""] = await variantsOf(videoUrl);
    const before = readMediaPlaylist(await text(url));
    const msn = before.mediaSequence + before.segments.length;
    const hinted = fetch(new URL(before.preloadHintUri ?? "", url));
    const reload = fetch(`${url}?_HLS_msn=${msn}&_HLS_part=${before.openParts.length}`);
    const past = fetch(`${url}?_HLS_msn=${msn}&_HLS_part=50`);
    expect((await fetch(`${url}?_HLS_msn=${msn + 3}`)).status).toBe(400);
    feed(packager, events.filter(({ dtsMs }) => dtsMs >= 2500), ["high"]);
    expect((await hinted).status).toBe(200);
    const after = readMediaPlaylist(await (await reload).text());
    const isNew = after.openParts.length > before.openParts.length ||
      after.segments.length > before.segments.length;
    expect(isNew).toBe(true);
    // A part index past the end of a segment means part 0 of the next one.
    expect(readMediaPlaylist(await (await past).text()).segments.length)
      .toBeGreaterThan(before.segments.length);
    await packager.end();
  });
});
