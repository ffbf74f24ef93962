/**
 * What a spool holds, as earlier versions wrote it: these lines stay as they are.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFragment } from "../formats/mp4/fragment-writer.ts";
import { readSpool } from "./read-spool.ts";

const HEAD = `{"msn":7,"initNumber":1,"startS":12.5,"wallClockMs":1768000012623,\
"isDiscontinuous":true,"isIndependent":true,"windowStart":{"msn":3,"discontinuities":1}}\n`;
const INIT = `{"codecs":["avc1.64001f","mp4a.40.2"],"width":640,"height":360,"base64":"AAEC"}`;
const END = `{"kind":"end","durationS":0.4}\n`;

const sample = {
  durationTicks: 18_000,
  compositionTicks: 0,
  isSync: true,
  data: Uint8Array.of(0, 0, 0, 1, 9),
};

function partOf(number: number): Buffer {
  const video = { decodeTicks: 1_125_000 + number * 18_000, samples: [sample] };
  const bytes = writeFragment({ sequenceNumber: number, video, audio: null });
  const line = `{"kind":"part","number":${number},"durationS":0.2,"isIndependent":true,\
"frames":1,"bytes":${bytes.length}}\n`;
  return Buffer.concat([Buffer.from(line), bytes]);
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spool-"));
  await writeFile(join(folder, "init-1.json"), INIT);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (...chunks: (string | Buffer)[]) =>
  writeFile(join(folder, "seg-7"), Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))));

test("readSpool() reads a complete segment and its init segment", async () => {
  await write(HEAD, partOf(40), partOf(41), END);
  const { inits, segments, nextPart } = await readSpool(folder);
  expect(inits.get(1)).toEqual({
    codecs: ["avc1.64001f", "mp4a.40.2"],
    width: 640,
    height: 360,
    bytes: Uint8Array.of(0, 1, 2),
  });
  expect(segments).toMatchObject([{
    msn: 7,
    initUri: "init-1.mp4",
    startS: 12.5,
    durationS: 0.4,
    wallClockMs: 1_768_000_012_623,
    isDiscontinuous: true,
    isIndependent: true,
    frames: 2,
    windowStart: { msn: 3, discontinuities: 1 },
    parts: [{ number: 40, uri: "part-40.m4s" }, { number: 41, uri: "part-41.m4s" }],
  }]);
  expect(nextPart).toBe(42);
});

test("readSpool() reads an open segment up to its last whole part", async () => {
  const cut = partOf(41);
  await write(HEAD, partOf(40), cut.subarray(0, cut.length - 3));
  const { segments, nextPart } = await readSpool(folder);
  expect(segments).toMatchObject([{ msn: 7, durationS: 0.2, parts: [{ number: 40 }] }]);
  expect(nextPart).toBeGreaterThan(41);
});
