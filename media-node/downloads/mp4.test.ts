/**
 * Recordings as MP4, read back by ffmpeg.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseRecordedPlaylist, parseRecordedVariants } from "#shared/hls/recorded-playlist.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { probePackets, probeStreams, runForOutput } from "#test/helpers/ffmpeg.ts";
import { findFlashesAndBeeps } from "#test/helpers/lip-sync.ts";
import { type MediaEvent, recordMedia } from "#test/helpers/media-source.ts";
import { storeRecording, storeRuns, type TestStretch } from "#test/helpers/recording.ts";
import { type Mp4Source, planMp4, streamMp4 } from "./mp4.ts";

let directory: string;
let storage: Storage;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-mp4-"));
  storage = createFileStorage({ directory });
});
afterAll(() => rm(directory, { recursive: true }));

async function read(key: string): Promise<Uint8Array> {
  const object = await storage.get(key);
  if (object === null) throw new Error(`${key} is not there`);
  return new Uint8Array(await new Response(object.body).arrayBuffer());
}

async function sourceOf(videoUrl: string): Promise<Mp4Source> {
  const text = async (key: string) => new TextDecoder().decode(await read(key));
  const { variants } = parseRecordedVariants(await text(`videos/${videoUrl}/index.m3u8`));
  const key = variants[0]?.key ?? "";
  return { segments: parseRecordedPlaylist(await text(key), key).segments, read };
}

/** The path of the MP4 of a recording of `stretches`. */
async function makeMp4(stretches: readonly TestStretch[], pauseS?: number): Promise<string> {
  return await makeMp4Of(await storeRecording(storage, stretches, pauseS));
}

async function makeMp4Of(videoUrl: string): Promise<string> {
  const source = await sourceOf(videoUrl);
  const plan = await planMp4(source, () => {});
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamMp4(source, plan, () => {})) chunks.push(chunk);
  const path = join(directory, `${crypto.randomUUID()}.mp4`);
  await Bun.write(path, Buffer.concat(chunks));
  return path;
}

type Format = { readonly start_time: string; readonly duration: string };

async function probeFormat(path: string): Promise<{ startS: number; durationS: number }> {
  const json = await runForOutput("ffprobe", [
    ...["-v", "error", "-show_entries", "format=start_time,duration", "-of", "json", path],
  ]);
  const { format } = JSON.parse(Buffer.from(json).toString()) as { format: Format };
  return { startS: Number(format.start_time), durationS: Number(format.duration) };
}

/** Decodes everything; any complaint of ffmpeg's fails. */
async function expectDecodable(path: string): Promise<void> {
  const args = ["-v", "warning", "-xerror", "-i", path, "-f", "null", "-"];
  const said = await runForOutput("sh", ["-c", 'ffmpeg "$@" 2>&1', "sh", ...args]);
  expect(Buffer.from(said).toString()).toBe("");
}

async function timesOf(path: string, stream: string): Promise<number[]> {
  return (await probePackets(path, stream)).map(({ ptsS }) => ptsS);
}

function largestGapS(times: readonly number[]): number {
  const sorted = times.toSorted((one, other) => one - other);
  return Math.max(...sorted.slice(1).map((time, index) => time - (sorted[index] ?? 0)));
}

/** Where an event comes in its run: the second description right before its picture. */
function orderOf(event: MediaEvent): number {
  const isSecond = event.kind === "videoConfig" && event.config.width === 160;
  return isSecond ? 6999.5 : event.dtsMs;
}

describe("planMp4() and streamMp4()", () => {
  test("write a recording that starts at 0 and lasts as long", async () => {
    const path = await makeMp4([{ seconds: 5 }]);
    const { startS, durationS } = await probeFormat(path);
    expect(startS).toBe(0);
    expect(durationS).toBeGreaterThan(4.95);
    expect(durationS).toBeLessThan(5.06);
    expect(await timesOf(path, "v:0")).toHaveLength(150);
    await expectDecodable(path);
  });

  test("put the table in front of the media, so that it plays while it loads", async () => {
    const path = await makeMp4([{ seconds: 2 }]);
    const boxes = Buffer.from(await Bun.file(path).arrayBuffer());
    expect(boxes.subarray(4, 8).toString()).toBe("ftyp");
    expect(boxes.indexOf("moov")).toBeLessThan(boxes.indexOf("mdat"));
  });

  test("close the hole of a discontinuity", async () => {
    const path = await makeMp4([{ seconds: 4 }, { seconds: 3 }], 20);
    const { startS, durationS } = await probeFormat(path);
    expect(startS).toBe(0);
    expect(durationS).toBeGreaterThan(6.9);
    expect(durationS).toBeLessThan(7.1);
    expect(largestGapS(await timesOf(path, "v:0"))).toBeLessThan(0.05);
    expect(largestGapS(await timesOf(path, "a:0"))).toBeLessThan(0.06);
    await expectDecodable(path);
  });

  test("go on with the next picture after a break, though its sound begins before it", async () => {
    // Sound is counted in frames of 21.3 ms: with this pause one begins 9.3 ms before the pictures.
    const path = await makeMp4([{ seconds: 4 }, { seconds: 3 }], 0.02);
    // FLV tells milliseconds.
    expect(largestGapS(await timesOf(path, "v:0"))).toBeLessThan(1 / 30 + 0.001);
    expect(largestGapS(await timesOf(path, "a:0"))).toBeLessThan(1024 / 48_000 + 0.001);
    await expectDecodable(path);
  });

  test("keep sound and picture together after a break", async () => {
    const path = await makeMp4([
      { seconds: 4, isFlashing: true },
      { seconds: 4, isFlashing: true },
    ], 0.02);
    const { flashes, beeps } = await findFlashesAndBeeps(path);
    expect(flashes.some((flash) => flash > 4.5)).toBe(true);
    for (const flash of flashes) {
      const nearest = Math.min(...beeps.map((beep) => Math.abs(beep - flash)));
      expect(nearest).toBeLessThan(1 / 30);
    }
  });

  test("follow a source that comes back with another size", async () => {
    const path = await makeMp4([{ seconds: 3 }, { seconds: 3, size: "256x144" }]);
    const { startS, durationS } = await probeFormat(path);
    expect(startS).toBe(0);
    expect(Math.abs(durationS - 6)).toBeLessThan(0.1);
    const frames = await runForOutput("ffprobe", [
      ...["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=width"],
      ...["-of", "csv=p=0", path],
    ]);
    const widths = Buffer.from(frames).toString().trim().split(/[\s,]+/).map(Number);
    expect(widths.filter((width) => width === 320)).toHaveLength(90);
    expect(widths.filter((width) => width === 256)).toHaveLength(90);
  });

  test("wait for a picture that is described anew while sound goes on", async () => {
    const [before, after] = await Promise.all(
      ["320x180", "160x90"].map((size) => recordMedia({ size, seconds: 10 })),
    );
    const isSound = ({ kind }: MediaEvent) => kind.startsWith("audio");
    const events = [
      ...before?.filter((event) => isSound(event) || event.dtsMs < 2000) ?? [],
      ...after?.filter((event) => event.kind === "videoConfig") ?? [],
      ...after?.filter((event) => event.kind === "video" && event.dtsMs >= 7000) ?? [],
    ].toSorted((one, other) => orderOf(one) - orderOf(other));
    const path = await makeMp4Of(await storeRuns(storage, [events]));
    expect((await probeFormat(path)).durationS).toBeCloseTo(10, 1);
    const pictures = await timesOf(path, "v:0");
    expect(pictures).toHaveLength(150);
    expect(largestGapS(pictures)).toBeCloseTo(5, 1);
    expect(largestGapS(await timesOf(path, "a:0"))).toBeLessThan(1024 / 48_000 + 0.001);
    await expectDecodable(path);
  });

  test("keep the order of B-frames and start at the first picture", async () => {
    const path = await makeMp4([{ seconds: 4, bFrames: 2 }]);
    const { startS, durationS } = await probeFormat(path);
    expect(startS).toBe(0);
    expect(Math.abs(durationS - 4)).toBeLessThan(0.12);
    expect(largestGapS(await timesOf(path, "v:0"))).toBeLessThan(0.05);
    await expectDecodable(path);
  });

  test.each([
    ["only sound", { seconds: 3, size: null }, ["audio"]],
    ["only pictures", { seconds: 3, audioCodec: null }, ["video"]],
    ["mono at 44.1 kHz", { seconds: 3, audioRateHz: 44_100, audioChannels: 1 }, ["video", "audio"]],
  ])("take %s", async (_name, stretch, kinds) => {
    const path = await makeMp4([stretch]);
    const streams = await probeStreams(path);
    expect(streams.map(({ codec_type: type }) => type)).toEqual(kinds);
    const { startS, durationS } = await probeFormat(path);
    expect(startS).toBe(0);
    expect(Math.abs(durationS - 3)).toBeLessThan(0.1);
    await expectDecodable(path);
  });

  test("refuse segments that are damaged", async () => {
    const source = await sourceOf(await storeRecording(storage, [{ seconds: 2 }]));
    const key = source.segments[0]?.key ?? "";
    await storage.put(key, (await read(key)).subarray(0, 500), { contentType: "video/mp4" });
    await expect(planMp4(source, () => {})).rejects.toThrow("cut off");
  });
});
