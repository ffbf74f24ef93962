/**
 * What a recording says about itself in storage, as earlier versions wrote it: these texts stay as
 * they are.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createFileStorage } from "#shared/storage/fs.ts";
import { readRecordings } from "./journal.ts";

const VIDEO_URL = "k3v9xw2mq7ab";
const HEADER = `{"version":1,"videoUrl":"k3v9xw2mq7ab","epoch":2,\
"wallClockAtZeroMs":1768000000123,"targetDurationS":2}`;
const JOURNAL = `{"version":1,"inits":[{"number":0,"codecs":["avc1.64001f","mp4a.40.2"],\
"width":640,"height":360}],"segments":[\
{"msn":1,"initNumber":0,"startS":0,"durationS":2,"isDiscontinuous":false,"isIndependent":true,\
"frames":60,"bytes":4},\
{"msn":2,"initNumber":0,"startS":2,"durationS":1.5,"isDiscontinuous":true,"isIndependent":true,\
"wallClockMs":1768000009123,"frames":45,"bytes":4}]}`;

test("readRecordings() reads a header and a journal of version 1", async () => {
  const directory = await mkdtemp(join(tmpdir(), "recording-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const storage = createFileStorage({ directory });
  const put = (name: string, text: string) =>
    storage.put(`videos/${VIDEO_URL}/2/${name}`, new TextEncoder().encode(text), {
      contentType: "application/octet-stream",
    });
  await put("recording.json", HEADER);
  await put("low/journal-0.json", JOURNAL);
  for (const name of ["init-0.mp4", "seg-1.m4s", "seg-2.m4s"]) await put(`low/${name}`, "0000");

  const [recorded, ...others] = await readRecordings(storage, VIDEO_URL);
  expect(others).toEqual([]);
  expect(recorded?.header).toEqual(JSON.parse(HEADER));
  const { inits, segments } = JSON.parse(JOURNAL) as { inits: unknown; segments: unknown };
  expect(recorded?.renditions).toEqual([{ name: "low", inits, segments }]);
});
