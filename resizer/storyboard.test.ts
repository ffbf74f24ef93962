import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newVideoUrl } from "#shared/ids.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { configureSharp } from "./sharp-settings.ts";
import { makeStoryboard, renderVtt } from "./storyboard.ts";

const signal = new AbortController().signal;
let directory: string;
let storage: Storage;
let url: string;

beforeEach(async () => {
  configureSharp();
  directory = await mkdtemp(join(tmpdir(), "sluice-storyboard-"));
  storage = createFileStorage({ directory });
  url = newVideoUrl();
});
afterEach(() => rm(directory, { recursive: true }));

async function put(name: string, body: string | Uint8Array): Promise<void> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  await storage.put(`videos/${url}/${name}`, bytes, { contentType: "application/octet-stream" });
}

async function read(name: string): Promise<Uint8Array> {
  const object = await storage.get(`videos/${url}/${name}`);
  if (object === null) throw new Error(`${name} is not there`);
  return new Uint8Array(await new Response(object.body).arrayBuffer());
}

async function keysBelow(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(`videos/${url}/${prefix}`)) {
    keys.push(key.slice(`videos/${url}/`.length));
  }
  return keys;
}

/** Ten seconds, a minute of nothing, ten seconds. */
async function putRecording(): Promise<void> {
  const segments = [{ msn: 0, startS: 0 }, { msn: 1, startS: 70 }];
  await put("1/high/journal-0.json", JSON.stringify({ version: 1, segments }));
  await put("index.m3u8", `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${url}/1/high/index.m3u8\n`);
  await put(
    "1/high/index.m3u8",
    `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-MAP:URI="init-0.mp4"\n#EXTINF:10,\nseg-0.m4s\n` +
      "#EXT-X-DISCONTINUITY\n#EXTINF:10,\nseg-1.m4s\n#EXT-X-ENDLIST\n",
  );
}

async function putFrame(ms: number, shade: number, size = { width: 160, height: 90 }) {
  const create = { ...size, channels: 3, background: { r: shade, g: shade, b: shade } } as const;
  await put(`1/frames/${ms}.jpg`, await sharp({ create }).jpeg().toBuffer());
}

/** Brightness in the middle of a tile of a sprite. */
async function shadeOf(name: string, column: number, row: number): Promise<number> {
  const { data, info } = await sharp(await read(`storyboard/${name}`)).raw()
    .toBuffer({ resolveWithObject: true });
  return data[((row * 90 + 45) * info.width + column * 160 + 80) * info.channels] ?? -1;
}

describe("makeStoryboard()", () => {
  test("shows every frame at its time in the recording and deletes the frames", async () => {
    await putRecording();
    for (const [ms, shade] of [[0, 40], [5000, 80], [40_000, 255], [71_000, 120], [76_500, 160]]) {
      await putFrame(ms ?? 0, shade ?? 0);
    }
    expect(await makeStoryboard(storage, url, signal)).toBe(4);
    expect(new TextDecoder().decode(await read("storyboard/storyboard.vtt"))).toBe(`WEBVTT

00:00:00.000 --> 00:00:05.000
sprite-0.jpg#xywh=0,0,160,90

00:00:05.000 --> 00:00:11.000
sprite-0.jpg#xywh=160,0,160,90

00:00:11.000 --> 00:00:16.500
sprite-0.jpg#xywh=320,0,160,90

00:00:16.500 --> 00:00:20.000
sprite-0.jpg#xywh=480,0,160,90
`);
    for (const [column, shade] of [40, 80, 120, 160].entries()) {
      expect(Math.abs(await shadeOf("sprite-0.jpg", column, 0) - shade)).toBeLessThan(8);
    }
    expect(await keysBelow("1/frames/")).toEqual([]);
    expect(await makeStoryboard(storage, url, signal)).toBe(4);
  });

  test("fills several sprites and leaves out what is no picture", async () => {
    await putRecording();
    for (let ms = 0; ms < 10_000; ms += 80) await putFrame(ms, 100);
    await put("1/frames/30.jpg", "no picture");
    expect(await makeStoryboard(storage, url, signal)).toBe(125);
    expect(await keysBelow("storyboard/")).toEqual([
      "storyboard/sprite-0.jpg",
      "storyboard/sprite-1.jpg",
      "storyboard/storyboard.vtt",
    ]);
    const last = await sharp(await read("storyboard/sprite-1.jpg")).metadata();
    expect([last.width, last.height]).toEqual([1600, 270]);
  });

  test("takes portrait frames, and fits others into the first one's shape", async () => {
    await putRecording();
    await putFrame(0, 100, { width: 180, height: 320 });
    await putFrame(5000, 200, { width: 320, height: 180 });
    expect(await makeStoryboard(storage, url, signal)).toBe(2);
    expect(new TextDecoder().decode(await read("storyboard/storyboard.vtt")))
      .toContain("sprite-0.jpg#xywh=90,0,90,160");
  });

  test("makes nothing without frames or without a recording", async () => {
    expect(await makeStoryboard(storage, url, signal)).toBeNull();
    await putFrame(0, 100);
    expect(await makeStoryboard(storage, url, signal)).toBeNull();
    expect(await keysBelow("")).toEqual([]);
  });
});

test("renderVtt() counts hours", () => {
  expect(renderVtt([{ positionS: 3, target: "a" }, { positionS: 3661.0625, target: "b" }], 7200))
    .toContain("01:01:01.063 --> 02:00:00.000\nb\n");
});
