/**
 * Other people's tools with nothing but the address of a watch page: a broadcast from its beginning
 * and at its end, the recording whole, in part and from its middle. Every frame says which one it is.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUser, type TestUser } from "../helpers/api-client.ts";
import {
  probeDurations,
  type Publish,
  publish,
  runForOutput,
  runForReport,
} from "../helpers/ffmpeg.ts";
import { readNumber, readNumbers } from "../helpers/frame-numbers.ts";
import {
  type Played,
  playInFfmpeg,
  playInGStreamer,
  playInGStreamerFrom,
  playInMpv,
  playInVlc,
} from "../helpers/players.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

const FPS = 30;
const KEYFRAME_S = 2;
const WIDTH = 426;
const HEIGHT = 240;
/** More than all tests of the broadcast take. */
const LONGEST_S = 120;
/** What the recording must hold: seconds 10 to 14, and something behind them. */
const RECORDED_S = 16;

/** ffmpeg's options for a second from where a viewer can go back to. */
const FROM_THE_FIRST = ["-live_start_index", "0", "-t", "1"];

type Video = {
  readonly id: string;
  readonly url: string;
  readonly playbackUrl: string;
  readonly status: string;
  readonly recording: unknown;
};

let sluice: RunningSluice;
let folder: string;
let user: TestUser;
let broadcast: Publish;
let playableAtMs: number;
let video: Video;
let page: string;
/** The number of the first frame that a viewer can go back to. */
let earliest: number;

beforeAll(async () => {
  sluice = await startSluice({ env: { LADDER: "low=144@250,mid=240@1000" } });
  folder = await mkdtemp(join(tmpdir(), "sluice-tools-"));
  user = await createUser(sluice.ready.api, "viewed");
  const { streamKey } = (await user.call<{ streamKey: string }>("POST", "/user/channel")).body;
  const title = { title: "</script> & friends" };
  video = (await user.call<Video>("POST", "/user/channel/videos", title)).body;
  page = new URL(`/watch/${video.url}`, sluice.ready.api).href;
  broadcast = publish(`${sluice.ready.rtmp}/${streamKey}`, {
    size: `${WIDTH}x${HEIGHT}`,
    keyframeSeconds: KEYFRAME_S,
    seconds: LONGEST_S,
    firstFrame: 0,
  });
  await until(async () => (await fetch(`${video.playbackUrl}?wait=YES`)).ok, 30_000);
  await until(async () => (await readVideo()).status === "RUNNING", 10_000);
  playableAtMs = Date.now();
  [earliest = -1] = await readNumbers(video.playbackUrl, FROM_THE_FIRST);
}, 90_000);

afterAll(async () => {
  await broadcast?.kill();
  await sluice?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}, 30_000);

const readVideo = async () =>
  (await user.call<Video>("GET", `/user/channel/videos/${video.id}`)).body;
/** The frame at a time of the recording. */
const frameAt = (seconds: number) => earliest + FPS * seconds;
const fileOf = (name: string) => join(folder, name);

type Play = (
  wish: { url: string; seconds: number; startS?: number; deadlineMs: number },
) => Promise<Played>;

async function expectPlayed(play: Play, url: string, seconds: number): Promise<void> {
  const { playedS, log } = await play({ url, seconds, deadlineMs: 25_000 });
  expect(playedS, log).toBeGreaterThanOrEqual(seconds);
}

/** Frames in their order, without a gap; the first and the last of them. */
async function readRun(file: string): Promise<{ first: number; last: number }> {
  const numbers = await readNumbers(file);
  const first = numbers[0] ?? -1;
  expect(numbers).toEqual(numbers.map((_, index) => first + index));
  return { first, last: numbers.at(-1) ?? -1 };
}

async function downloadWithYtDlp(url: string, file: string, options: readonly string[] = []) {
  await runForOutput("yt-dlp", ["--quiet", "--no-progress", ...options, "-o", file, url]);
  return file;
}

async function downloadWithStreamlink(url: string, file: string, options: readonly string[]) {
  const base = ["--loglevel", "error", "--hls-duration", "4", "--output", file, ...options];
  await runForOutput("streamlink", [...base, url, "worst"]);
  return file;
}

const PLAYERS: [string, Play][] = [
  ["ffmpeg", playInFfmpeg],
  ["mpv", playInMpv],
  ["mpv by way of yt-dlp", (wish) => playInMpv({ ...wish, url: `ytdl://${wish.url}` })],
  ["VLC", playInVlc],
  ["GStreamer", playInGStreamer],
];

describe("a broadcast, by the address of its page", () => {
  test.concurrent.each(PLAYERS)("plays in %s", async (_, play) => {
    await expectPlayed(play, page, 2);
  }, 60_000);

  test.concurrent("is read by yt-dlp from the first frame there is", async () => {
    const file = await downloadWithYtDlp(page, fileOf("live-yt-dlp.mp4"), ["-f", "worst"]);
    expect((await readRun(file)).first).toBe(earliest);
  }, 60_000);

  test.concurrent("is read by streamlink, which has to say what it takes", async () => {
    const header = ["--http-header", "Accept=application/vnd.apple.mpegurl"];
    const file = await downloadWithStreamlink(page, fileOf("live-streamlink.mp4"), header);
    const { first, last } = await readRun(file);
    expect(last - first).toBeGreaterThan(2 * FPS);
  }, 60_000);

  test.concurrent(
    "is read by streamlink from the first frame there is, by its playlist",
    async () => {
      const file = await downloadWithStreamlink(video.playbackUrl, fileOf("dvr-streamlink.mp4"), [
        "--hls-live-restart",
      ]);
      expect((await readRun(file)).first).toBe(earliest);
    },
    40_000,
  );

  test.concurrent("is read by ffmpeg from the first frame there is", async () => {
    expect((await readNumbers(page, FROM_THE_FIRST))[0]).toBe(earliest);
  }, 60_000);
});

describe("its recording, by the same address", () => {
  beforeAll(async () => {
    await until(() => Date.now() - playableAtMs > RECORDED_S * 1000, 60_000);
    await broadcast.stop();
    await until(async () => (await readVideo()).recording, 30_000);
  }, 60_000);

  test("is what a link preview shows: a JPEG of 1280 × 720", async () => {
    const imageUrl = await until(async () => {
      const text = await (await fetch(page)).text();
      return /property="og:image" content="([^"]+)"/.exec(text)?.[1];
    }, 15_000);
    const image = await fetch(imageUrl);
    expect(image.status).toBe(200);
    expect(image.headers.get("content-type")).toBe("image/jpeg");
    const { format, width, height } = await sharp(await image.arrayBuffer()).metadata();
    expect({ format, width, height }).toEqual({ format: "jpeg", width: 1280, height: 720 });
  });

  // GStreamer gives up for good when a machine is too busy to answer it at once.
  test.concurrent.each(PLAYERS)("plays in %s", { retry: 1, timeout: 60_000 }, async (_, play) => {
    await expectPlayed(play, page, 3);
  });

  test.concurrent("is downloaded whole by yt-dlp", async () => {
    const file = await downloadWithYtDlp(page, fileOf("whole.mp4"));
    const { first, last } = await readRun(file);
    expect(first).toBe(earliest);
    expect(last - first).toBeGreaterThan(FPS * (RECORDED_S - 2));
    const { startS } = await probeDurations(file);
    expect(startS).toBeLessThan(0.1);
  }, 60_000);

  test.concurrent("is downloaded by yt-dlp from second 10 to second 14", async () => {
    const sections = ["--download-sections", "*10-14"];
    const file = await downloadWithYtDlp(page, fileOf("section.mp4"), sections);
    const { first, last } = await readRun(file);
    expect(Math.abs(first - frameAt(10))).toBeLessThanOrEqual(1);
    expect(Math.abs(last - frameAt(14))).toBeLessThanOrEqual(2);
    const { startS, durationS } = await probeDurations(file);
    expect(startS).toBe(0);
    expect(Math.abs(durationS - 4)).toBeLessThan(0.1);
  }, 60_000);

  test.concurrent("is as long in a clip as the clip says, from 0 on", async () => {
    const clips = `/user/channel/videos/${video.id}/clips`;
    const clip = await user.call<{ playbackUrl: string }>("POST", clips, { start: 10, end: 14 });
    const file = await downloadWithYtDlp(clip.body.playbackUrl, fileOf("clip.mp4"));
    const { first, last } = await readRun(file);
    expect({ first, last }).toEqual({ first: frameAt(10), last: frameAt(14) - 1 });
    const { startS, durationS, streams } = await probeDurations(file);
    expect(startS).toBeLessThan(0.05);
    for (const seconds of [durationS, ...Object.values(streams)]) {
      expect(Math.abs(seconds - 4)).toBeLessThan(0.1);
    }
  }, 60_000);

  test.concurrent("is shown by ffmpeg from where it is told to, to the frame", async () => {
    const [first = -1] = await readNumbers(page, ["-ss", "7.5"]);
    expect(Math.abs(first - frameAt(7.5))).toBeLessThanOrEqual(1);
  }, 60_000);

  test.concurrent("is shown by mpv from where it is told to, to the frame", async () => {
    const pictures = ["--vo=image", "--vo-image-format=png", `--vo-image-outdir=${folder}`];
    const sound = ["--no-config", "--really-quiet", "--ao=null", "--no-ytdl"];
    await runForOutput("mpv", [...sound, ...pictures, "--start=7.5", "--frames=1", page]);
    const picture = await Bun.file(fileOf("00000001.png")).bytes();
    const area = { left: 0, top: 0, width: WIDTH, height: HEIGHT };
    expect(Math.abs(await readNumber(picture, area) - frameAt(7.5))).toBeLessThanOrEqual(1);
  }, 60_000);

  test.concurrent("is shown by ffplay from the keyframe before", async () => {
    const quiet = ["-hide_banner", "-nostats", "-an", "-autoexit", "-vf", "showinfo"];
    const args = ["ffplay", ...quiet, "-ss", "7.5", "-t", "1", page];
    const said = await runForReport("env", ["SDL_VIDEODRIVER=dummy", ...args]);
    const times = [...said.matchAll(/pts_time:(\d+(?:\.\d+)?)/g)].map(([, time]) => Number(time));
    expect(times[0], said).toBeGreaterThan(7.5 - KEYFRAME_S);
    expect(times[0]).toBeLessThan(7.6);
  }, 60_000);

  test.concurrent.each<[string, Play]>([
    ["VLC", playInVlc],
    ["GStreamer", playInGStreamerFrom],
  ])("is shown by %s from a segment before where it is told to", async (_, play) => {
    const wish = { url: page, startS: 7, seconds: 2, deadlineMs: 25_000 };
    const { fromS, playedS, log } = await play(wish);
    expect(playedS, log).toBeGreaterThanOrEqual(2);
    expect(fromS, log).toBeGreaterThanOrEqual(7 - 2 * KEYFRAME_S);
    expect(fromS, log).toBeLessThanOrEqual(8);
  }, 60_000);
});
