import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { writeFailingFfmpeg } from "#test/helpers/failing-ffmpeg.ts";
import { probeStreams } from "#test/helpers/ffmpeg.ts";
import { type MediaEvent, recordMedia } from "#test/helpers/media-source.ts";
import { until } from "#test/helpers/until.ts";
import type { MediaFrame, VideoTrack } from "../formats/media.ts";
import { PosterTaker, type PosterTakerOptions } from "./poster-taker.ts";
import { Turns } from "./turns.ts";

const KEY = "originals/poster.jpg";
const PICTURE = Uint8Array.of(0xff, 0xd8, 1, 2, 3);
let events: MediaEvent[] = [];
let folder = "";
let storage: Storage;
let stored = 0;

beforeAll(async () => {
  events = await recordMedia({ seconds: 8, audioCodec: null });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "poster-"));
  storage = createFileStorage({ directory: join(folder, "media") });
  stored = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function createTaker(changes: Partial<PosterTakerOptions> = {}): PosterTaker {
  const taker = new PosterTaker({
    ffmpegPath: "ffmpeg",
    storage,
    storageKey: KEY,
    log: silentLogger,
    turns: new Turns(),
    onStored: () => stored += 1,
    delaysMs: [0],
    lastDelaysMs: [0, 0],
    ...changes,
  });
  taker.setTrack(track());
  return taker;
}

function track(): VideoTrack {
  const found = events.find((event) => event.kind === "videoConfig");
  if (found?.kind !== "videoConfig") throw new Error("the recording has no configuration");
  return { codec: "avc1", config: found.config, isInterlaced: false };
}

function frames(fromMs: number, toMs: number): MediaFrame[] {
  return events.flatMap((event) => {
    if (event.kind !== "video" || event.dtsMs < fromMs || event.dtsMs >= toMs) return [];
    return [{ track: "video", ...event.sample }];
  });
}

const note = (taker: PosterTaker, list: readonly MediaFrame[]) => {
  for (const frame of list) taker.note(frame);
};

async function readPoster(): Promise<Uint8Array> {
  const object = await storage.get(KEY);
  if (object === null) throw new Error("there is no poster");
  return new Uint8Array(await new Response(object.body).arrayBuffer());
}

async function expectPoster(width: number, height: number): Promise<void> {
  const file = join(folder, "poster.jpg");
  await writeFile(file, await readPoster());
  expect(await probeStreams(file)).toMatchObject([{ codec_name: "mjpeg", width, height }]);
  expect(stored).toBe(1);
}

test("the first keyframe after three seconds becomes the poster, once", async () => {
  const taker = createTaker();
  note(taker, frames(0, 2900));
  expect(await storage.get(KEY)).toBeNull();
  note(taker, frames(2900, 3100));
  await until(() => stored === 1, 10_000);
  note(taker, frames(3100, 8000));
  await taker.finish();
  await expectPoster(320, 180);
});

test("a broadcast that ends early has its last keyframe as its poster", async () => {
  const taker = createTaker();
  note(taker, frames(0, 900));
  await taker.finish();
  await expectPoster(320, 180);
});

test("a broadcast that had no keyframe has no poster", async () => {
  const taker = createTaker();
  note(taker, frames(100, 900));
  await taker.finish();
  expect(stored).toBe(0);
});

test("after an ffmpeg that fails a later keyframe is tried", async () => {
  const ffmpeg = await writeFailingFfmpeg(folder, 2);
  const taker = createTaker({ ffmpegPath: ffmpeg.path });
  for (let second = 3; second < 7; second += 1) {
    note(taker, frames(second * 1000, second * 1000 + 500));
    const failed = Math.min(second - 2, 2);
    await until(async () => stored === 1 || await ffmpeg.failures() >= failed, 10_000);
  }
  await until(() => {
    note(taker, frames(7000, 7100));
    return stored === 1;
  }, 10_000);
  await expectPoster(320, 180);
});

test("the distance between attempts grows", async () => {
  const ffmpeg = await writeFailingFfmpeg(folder, 100);
  const taker = createTaker({ ffmpegPath: ffmpeg.path, delaysMs: [0, 60_000], lastDelaysMs: [] });
  for (let failed = 1; failed <= 2; failed += 1) {
    await until(async () => {
      note(taker, frames(3000, 3100));
      return await ffmpeg.failures() >= failed;
    }, 10_000);
  }
  // The third one would come a minute later; the end does not wait for it.
  for (let n = 0; n < 20; n += 1) note(taker, frames(4000, 4100));
  await taker.finish();
  expect(await ffmpeg.failures()).toBe(3);
});

test("when no keyframe can be rendered a picture of the ladder is the poster", async () => {
  const ffmpeg = await writeFailingFfmpeg(folder, 100);
  const taker = createTaker({ ffmpegPath: ffmpeg.path });
  taker.offer(0, Uint8Array.of(9));
  taker.offer(5000, PICTURE);
  taker.offer(10_000, Uint8Array.of(8));
  note(taker, frames(0, 1000));
  await taker.finish();
  expect(await readPoster()).toEqual(PICTURE);
  expect(stored).toBe(1);
});

test("a storage that fails is tried again, with the picture that was made", async () => {
  const ffmpeg = await writeFailingFfmpeg(folder, 0);
  let refused = 0;
  const failing: Storage = {
    ...storage,
    put: (...args) => {
      if (refused === 2) return storage.put(...args);
      refused += 1;
      return Promise.reject(new Error("the disk is full"));
    },
  };
  const taker = createTaker({ ffmpegPath: ffmpeg.path, storage: failing });
  note(taker, frames(0, 1000));
  await taker.finish();
  await expectPoster(320, 180);
  expect(await readFile(ffmpeg.runs, "utf8")).toBe("run\n");
});

test("abandon() ends what is under way", async () => {
  const hanging = join(folder, "hanging");
  await writeFile(hanging, "#!/bin/sh\nexec sleep 600\n", { mode: 0o755 });
  const taker = createTaker({ ffmpegPath: hanging });
  note(taker, frames(0, 1000));
  const finished = taker.finish();
  taker.abandon();
  await finished;
  expect(stored).toBe(0);
});

test("posters of one node are rendered one after the other", async () => {
  const ffmpeg = await writeFailingFfmpeg(folder, 0);
  const turns = new Turns();
  const takers = Array.from(
    { length: 6 },
    (_, n) => createTaker({ ffmpegPath: ffmpeg.path, turns, storageKey: `originals/${n}.jpg` }),
  );
  for (const taker of takers) note(taker, frames(0, 1000));
  await Promise.all(takers.map((taker) => taker.finish()));
  expect(stored).toBe(6);
  expect(await readFile(ffmpeg.overlaps, "utf8").catch(() => "")).toBe("");
});
