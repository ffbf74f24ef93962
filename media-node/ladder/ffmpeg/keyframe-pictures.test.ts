import { expect, onTestFinished, test } from "vitest";
import { createLogger, type LogFields, type LogLine } from "#shared/log.ts";
import { ORIGIN_MS } from "#test/helpers/engine.ts";
import { readNumber } from "#test/helpers/frame-numbers.ts";
import { recordSource, type SourceMedia } from "#test/helpers/source-media.ts";
import { until } from "#test/helpers/until.ts";
import { type MediaFrame, ptsTicksOf, TICKS_PER_MS } from "../../formats/media.ts";
import { KeyframePictures, type KeyframePicturesOptions } from "./keyframe-pictures.ts";

const SIZE = { width: 160, height: 90 };
const WHOLE = { left: 0, top: 0, ...SIZE };
const FPS = 30;

type Picture = { readonly ptsMs: number; readonly jpeg: Uint8Array };

function createBench(media: SourceMedia, changes: Partial<KeyframePicturesOptions> = {}) {
  if (media.video === null) throw new Error("the source has no video");
  const pictures: Picture[] = [];
  const log: (LogLine & LogFields)[] = [];
  const maker = new KeyframePictures({
    ffmpegPath: "ffmpeg",
    track: media.video,
    size: SIZE,
    onPicture: (ptsMs, jpeg) => pictures.push({ ptsMs, jpeg }),
    log: createLogger({ level: "debug", write: (line) => log.push(line) }),
    ...changes,
  });
  onTestFinished(() => maker.stop());
  const pidOf = () => Number(log.findLast(({ event }) => event === "pictures.started")?.["pid"]);
  return { maker, pictures, log, pidOf };
}

const keyframesOf = ({ frames }: SourceMedia): MediaFrame[] =>
  frames.filter(({ isKeyframe, track }) => isKeyframe && track === "video");
const shownMs = (frame: MediaFrame) => ptsTicksOf(frame) / TICKS_PER_MS;

async function expectRight(pictures: readonly Picture[]): Promise<void> {
  for (const { ptsMs, jpeg } of pictures) {
    const number = Math.round((ptsMs - ORIGIN_MS) * FPS / 1000);
    expect(Math.abs(await readNumber(jpeg, WHOLE) - number)).toBeLessThanOrEqual(2);
  }
}

test.each([0, 2])("a picture of each keyframe, with its time (%i B-frames)", async (bFrames) => {
  const media = await recordSource({ seconds: 8, firstFrame: 0, bFrames }, ORIGIN_MS);
  const keyframes = keyframesOf(media);
  const { maker, pictures } = createBench(media);
  for (const [index, keyframe] of keyframes.entries()) {
    maker.push(keyframe);
    // What reorders pictures holds some of them back.
    await until(() => pictures.length >= index - (bFrames === 0 ? 1 : 4), 5000);
  }
  await maker.stop();
  expect(pictures.map(({ ptsMs }) => ptsMs)).toEqual(keyframes.map(shownMs));
  await expectRight(pictures);
}, 20_000);

test("a killed ffmpeg is replaced at the next keyframe", async () => {
  const media = await recordSource({ seconds: 6, firstFrame: 0 }, ORIGIN_MS);
  const { maker, pictures, log, pidOf } = createBench(media);
  const [first, second, ...rest] = keyframesOf(media);
  for (const keyframe of [first, second]) if (keyframe !== undefined) maker.push(keyframe);
  await until(() => pictures.length === 1, 5000);
  const pid = pidOf();
  process.kill(pid, "SIGKILL");
  await until(() => log.some(({ event }) => event === "pictures.failed"), 5000);
  for (const keyframe of rest) maker.push(keyframe);
  await maker.stop();
  expect(pidOf()).not.toBe(pid);
  expect(pictures.at(-1)?.ptsMs).toBe(shownMs(rest.at(-1) ?? first as MediaFrame));
  await expectRight(pictures);
}, 20_000);

test("one that never makes a picture is given up", async () => {
  const media = await recordSource({ seconds: 2 }, ORIGIN_MS);
  const { maker, log } = createBench(media, { ffmpegPath: "/bin/false" });
  const [keyframe] = keyframesOf(media);
  if (keyframe === undefined) throw new Error("there is no keyframe");
  const failures = () => log.filter(({ event }) => event === "pictures.failed").length;
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    maker.push(keyframe);
    await until(() => failures() === attempt, 5000);
  }
  maker.push(keyframe);
  await maker.stop();
  expect(log.filter(({ event }) => event === "pictures.started")).toHaveLength(5);
}, 20_000);
