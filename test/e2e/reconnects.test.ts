/**
 * What is left of a broadcast whose publisher was lost twice and once came back with another
 * picture: a recording, its MP4, its storyboard and a clip across a break, out of the whole product.
 * Every picture says its number, so that what is shown when is compared with what was sent when.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ClipBody } from "#shared/contracts/clips.ts";
import type { DownloadBody } from "#shared/contracts/downloads.ts";
import type { VideoBody } from "#shared/contracts/videos.ts";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import type { CheckedSegment } from "#shared/hls/parse-playlist.ts";
import { createUser, type TestUser } from "../helpers/api-client.ts";
import { checkRecording } from "../helpers/check-recording.ts";
import { decodeAll, probeDurations, type Publish, publish } from "../helpers/ffmpeg.ts";
import {
  type Area,
  type NumberedFrame,
  readNumber,
  readNumberedFrames,
} from "../helpers/frame-numbers.ts";
import { PlaylistReader } from "../helpers/playlist-reader.ts";
import { readRenditions } from "../helpers/publish.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";
import { readCues } from "../helpers/web-vtt.ts";

const FPS = 30;
const FRAME_S = 1 / FPS;
/** The runs of the publisher, and how much is listed of the broadcast when one ends. */
const RUNS = [
  { size: "320x180", untilS: 6 },
  { size: "240x180", untilS: 13 },
  { size: "320x180", untilS: 19 },
];
/** By so many frames the source's clock goes on from the start of a run to that of the next. */
const RUN_FRAMES = 1000;
/** A copy of the source beside an encoded rung, and two of these. */
const LADDERS = ["auto", "encode"];

type Recorded = {
  readonly user: TestUser;
  readonly video: VideoBody;
  /** Of every rendition: what a player saw of it while it was live. */
  readonly readers: readonly PlaylistReader[];
};

let sluice: RunningSluice;
let folder: string;
const publishers: Publish[] = [];
/** By the ladder of its channel. */
const recorded = new Map<string, Recorded>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-reconnects-"));
  sluice = await startSluice({ env: { LADDER: "low=90@150,high=180@400" } });
  await Promise.all(LADDERS.map(async (ladder) => {
    recorded.set(ladder, await recordBroadcast(ladder));
  }));
}, 120_000);

afterAll(async () => {
  for (const publisher of publishers) await publisher.kill();
  await sluice?.stop();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

async function recordBroadcast(ladder: string): Promise<Recorded> {
  const user = await createUser(sluice.ready.api, `reconnects-${ladder}`);
  const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
  await user.call("PATCH", "/user/channel", { ladder });
  const { body } = await user.call<VideoBody>("POST", "/user/channel/videos", { title: "Twice" });
  const url = `${sluice.ready.rtmp}/${channel.body.streamKey}`;
  let readers: readonly PlaylistReader[] | null = null;
  let reading: Promise<unknown> = Promise.resolve();
  for (const [index, { size, untilS }] of RUNS.entries()) {
    const picture = { size, fps: FPS, firstFrame: index * RUN_FRAMES, videoBitrate: "200k" };
    const publisher = publish(url, picture);
    publishers.push(publisher);
    if (readers === null) {
      readers = await findRenditions(body.playbackUrl);
      reading = Promise.all(readers.map((reader) => reader.run()));
    }
    await until(() => readers?.every(({ listedS }) => listedS >= untilS), 30_000);
    await (index < RUNS.length - 1 ? publisher.kill() : publisher.stop());
  }
  const video = await until(async () => {
    const { body: now } = await user.call<VideoBody>("GET", `/user/channel/videos/${body.id}`);
    return now.status === "ENDED" && now.storyboardUrl !== null ? now : null;
  }, 20_000);
  await reading;
  return { user, video, readers: readers ?? [] };
}

async function findRenditions(url: string): Promise<PlaylistReader[]> {
  const renditions = await until(async () => {
    const found = Object.entries(await readRenditions(url));
    return found.length === 2 ? found : null;
  }, 20_000);
  return renditions.map(([name, url]) => new PlaylistReader(name, url));
}

// The tests of a broadcast build on each other and run in order.
describe.each(LADDERS)("after two returns of its publisher (ladder: %s)", (ladder) => {
  let frames: NumberedFrame[];

  function recordedOf(): Recorded {
    const found = recorded.get(ladder);
    if (found === undefined) throw new Error(`no broadcast with the ladder ${ladder}`);
    return found;
  }

  const pathOf = (rest: string) => `/user/channel/videos/${recordedOf().video.id}${rest}`;

  /** Asks for an MP4 and stores it; its path, and how far it was said to be meanwhile. */
  async function download(path: string): Promise<{ file: string; progress: number[] }> {
    const { user } = recordedOf();
    const asked = await user.call<DownloadBody>("POST", path);
    expect(asked.status).toBe(202);
    const progress = [asked.body.progress];
    const { url } = await until(async () => {
      const { body } = await user.call<DownloadBody>("GET", path);
      expect(body.failure).toBeNull();
      progress.push(body.progress);
      return body.status === "ready" ? body : null;
    }, 20_000);
    const file = join(folder, `${crypto.randomUUID()}.mp4`);
    await Bun.write(file, await user.fetchFile(url ?? ""));
    return { file, progress };
  }

  test("one recording has all that was listed, in every rendition", async () => {
    const { video, readers } = recordedOf();
    expect(Object.values(await readRenditions(video.playbackUrl)).toSorted())
      .toEqual(readers.map(({ url }) => url).toSorted());
    const maxHoleS = { vide: isSaidToLackPictures(video.url) ? Infinity : 0 };
    const { complaints } = await checkRecording({ url: video.playbackUrl, maxHoleS });
    expect(complaints).toEqual([]);
    for (const reader of readers) {
      expect(reader.complaints).toEqual([]);
      const { segments } = readMediaPlaylist(await (await fetch(reader.url)).text());
      const nameOf = ({ uri, durationS }: CheckedSegment) => `${uri} of ${durationS} s`;
      const listed = [...reader.listed.values()].map(nameOf);
      expect(segments.map(nameOf)).toEqual(expect.arrayContaining(listed));
      expect(segments.filter(({ isDiscontinuous }) => isDiscontinuous)).toHaveLength(2);
      await decodeAll(reader.url);
    }
  }, 60_000);

  test("its MP4 has every frame where the recording has it", async () => {
    const { file, progress } = await download(pathOf("/download"));
    expect([progress[0], progress.at(-1)]).toEqual([0, 1]);
    expect(progress).toEqual(progress.toSorted((one, other) => one - other));
    await decodeAll(file);
    const { breaksS, endS } = await readBreaks(recordedOf());
    const { startS, durationS, streams } = await probeDurations(file);
    expect(startS).toBe(0);
    expect(Math.abs(durationS - endS)).toBeLessThan(2 * FRAME_S);
    expect(Math.abs((streams["video"] ?? 0) - (streams["audio"] ?? 0))).toBeLessThan(2 * FRAME_S);
    frames = await readNumberedFrames(file);
    for (const [run, runStartS] of [0, ...breaksS].entries()) {
      const own = frames.filter(({ number }) => runOf(number) === run);
      expect(own[0]?.number).toBe(run * RUN_FRAMES);
      const offS = own.map(({ number, ptsS }) =>
        ptsS - runStartS - (number % RUN_FRAMES) * FRAME_S
      );
      expect(Math.max(...offS.map(Math.abs))).toBeLessThan(FRAME_S);
    }
  }, 60_000);

  test("its storyboard shows what the recording shows at that time", async () => {
    const cues = await readCues(recordedOf().video.storyboardUrl ?? "");
    expect(cues[0]?.startS).toBe(0);
    const runs = new Set<number>();
    for (const { startS, url, area } of cues) {
      const run = runOf(frames.findLast(({ ptsS }) => ptsS <= startS + FRAME_S / 2)?.number ?? 0);
      const sprite = new Uint8Array(await (await fetch(url)).arrayBuffer());
      const number = await readNumber(sprite, fitInto(area, RUNS[run]?.size ?? ""));
      const shown = frames.find((frame) => frame.number === number);
      // A picture is stamped in milliseconds, a frame lies on the grid of its rate.
      expect(Math.abs((shown?.ptsS ?? Infinity) - startS)).toBeLessThan(1.5 * FRAME_S);
      runs.add(run);
    }
    expect(runs.size).toBeGreaterThan(1);
  }, 20_000);

  test("a clip across a break plays and downloads", async () => {
    const { user } = recordedOf();
    const breakS = frames.find(({ number }) => runOf(number) === 1)?.ptsS ?? 0;
    const times = { start: breakS - 1.2, end: breakS + 1.2 };
    const { status, body } = await user.call<ClipBody>("POST", pathOf("/clips"), times);
    expect(status).toBe(201);
    await decodeAll(body.playbackUrl);
    const { file } = await download(pathOf(`/clips/${body.id}/download`));
    await decodeAll(file);
    const { startS, durationS } = await probeDurations(file);
    expect(startS).toBe(0);
    expect(Math.abs(durationS - body.durationMs / 1000)).toBeLessThan(2 * FRAME_S);
    const clipped = await readNumberedFrames(file);
    const wanted = frames.filter(({ ptsS }) =>
      ptsS > body.start - FRAME_S / 2 && ptsS < body.end - FRAME_S / 2
    );
    expect(clipped.map(({ number }) => number)).toEqual(wanted.map(({ number }) => number));
  }, 40_000);
});

/** A machine that is too busy for the ladder leaves pictures out, and says so. */
const isSaidToLackPictures = (videoUrl: string) =>
  sluice.talk().split("\n").some((line) =>
    line.includes(videoUrl) && /"event":"engine\.(?:load_changed|dropping)"/.test(line)
  );

const runOf = (number: number) => Math.floor(number / RUN_FRAMES);

/** Where the recording's discontinuities lie, and where it ends. */
async function readBreaks({ readers }: Recorded): Promise<{ breaksS: number[]; endS: number }> {
  const { segments } = readMediaPlaylist(await (await fetch(readers[0]?.url ?? "")).text());
  const breaksS: number[] = [];
  let endS = 0;
  for (const { isDiscontinuous, durationS } of segments) {
    if (isDiscontinuous) breaksS.push(endS);
    endS += durationS;
  }
  return { breaksS, endS };
}

/** The part of a tile that a picture of `size` fills. */
function fitInto(tile: Area, size: string): Area {
  const [width = 1, height = 1] = size.split("x").map(Number);
  const scale = Math.min(tile.width / width, tile.height / height);
  const fitted = { width: Math.round(width * scale), height: Math.round(height * scale) };
  const left = tile.left + Math.round((tile.width - fitted.width) / 2);
  return { ...fitted, left, top: tile.top + Math.round((tile.height - fitted.height) / 2) };
}
