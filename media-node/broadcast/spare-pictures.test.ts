import { beforeAll, expect, onTestFinished, test } from "vitest";
import { createLogger } from "#shared/log.ts";
import { recordSource, type SourceMedia } from "#test/helpers/source-media.ts";
import { until } from "#test/helpers/until.ts";
import { TICKS_PER_MS } from "../formats/media.ts";
import { SparePictures } from "./spare-pictures.ts";

const SIZE = { width: 160, height: 90 };

let media: SourceMedia;
beforeAll(async () => {
  media = await recordSource({ seconds: 40, fps: 5, keyframeSeconds: 1, videoBitrate: "50k" }, 0);
}, 30_000);

function createBench() {
  const pictures: number[] = [];
  const events: string[] = [];
  const spare = new SparePictures({
    ffmpegPath: "ffmpeg",
    sizeOf: () => SIZE,
    onPicture: (ptsMs) => pictures.push(ptsMs),
    log: createLogger({ level: "debug", write: ({ event }) => events.push(event) }),
  });
  spare.setTrack(media.video);
  onTestFinished(() => spare.finish());
  const push = (fromMs: number, toMs: number) => {
    for (const frame of media.frames) {
      const atMs = frame.dtsTicks / TICKS_PER_MS;
      if (atMs >= fromMs && atMs < toMs) spare.note(frame);
    }
  };
  return { spare, pictures, events, push };
}

/** Within half a second: keyframes do not lie where pictures are due. */
const near = (ptsMs: number) => Math.round(ptsMs / 1000);

test("nothing runs beside a ladder that makes pictures", async () => {
  const { spare, pictures, events, push } = createBench();
  for (let atMs = 0; atMs < 40_000; atMs += 5000) {
    push(atMs, atMs + 5000);
    spare.noteLadder();
  }
  await spare.finish();
  expect([events, pictures]).toEqual([[], []]);
});

test("keyframes are decoded where the ladder makes none, the first one included", async () => {
  const { spare, pictures, events, push } = createBench();
  push(0, 13_000);
  await until(() => pictures.length >= 1, 10_000);
  push(13_000, 18_000);
  await until(() => pictures.length >= 2, 10_000);
  push(18_000, 23_000);
  await spare.finish();
  expect(pictures.map(near)).toEqual([0, 12, 17, 22]);
  expect(events).toEqual(["pictures.started"]);
}, 20_000);

test("it ends as soon as the ladder makes pictures again", async () => {
  const { spare, pictures, push } = createBench();
  push(0, 13_000);
  await until(() => pictures.length >= 1, 10_000);
  spare.noteLadder();
  push(13_000, 24_000);
  await spare.finish();
  expect(pictures.map(near)).toEqual([0, 12]);
}, 20_000);

test("a return of the publisher begins with the patience of a start", async () => {
  const { spare, pictures, push } = createBench();
  push(0, 13_000);
  await until(() => pictures.length >= 1, 10_000);
  spare.suspend();
  spare.setTrack(media.video);
  push(20_000, 31_000);
  expect(pictures.length).toBeLessThanOrEqual(2);
  push(31_000, 33_000);
  await spare.finish();
  expect(pictures.map(near)).toEqual([0, 12, 20, 32]);
}, 20_000);
