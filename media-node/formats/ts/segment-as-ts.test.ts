import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { decodeAll, probePackets, probeStreams, type TestPattern } from "#test/helpers/ffmpeg.ts";
import { storeRecording } from "#test/helpers/recording.ts";
import { BoxError } from "../mp4/boxes.ts";
import { adtsHeaderOf } from "./adts.ts";
import { segmentAsTs } from "./segment-as-ts.ts";
import { writeTransportStream } from "./ts-writer.ts";

let directory: string;
let storage: Storage;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-ts-"));
  storage = createFileStorage({ directory });
});

afterAll(() => rm(directory, { recursive: true }));

/** A recording of `pattern` as files: its fragments one after the other, and its transport streams. */
async function record(pattern: TestPattern & { seconds: number }) {
  const prefix = `videos/${await storeRecording(storage, [pattern])}/1/high/`;
  const bytesOf = async (name: string) =>
    await new Response((await storage.get(prefix + name))?.body).bytes();
  const init = await bytesOf("init-0.mp4");
  const segments: Uint8Array[] = [];
  while (await storage.head(`${prefix}seg-${segments.length + 1}.m4s`) !== null) {
    segments.push(await bytesOf(`seg-${segments.length + 1}.m4s`));
  }
  const files = { mp4: join(directory, "all.mp4"), ts: join(directory, "all.ts") };
  await Bun.write(files.mp4, Buffer.concat([init, ...segments]));
  await Bun.write(
    files.ts,
    Buffer.concat(segments.map((segment) => segmentAsTs(init, segment))),
  );
  return { files, init, segments };
}

describe("segmentAsTs()", () => {
  test.each<[string, TestPattern & { seconds: number }]>([
    ["pictures and sound", { seconds: 5 }],
    ["B-frames at 25 fps, mono at 44.1 kHz", {
      seconds: 5,
      fps: 25,
      bFrames: 2,
      audioRateHz: 44_100,
      audioChannels: 1,
    }],
    ["pictures alone", { seconds: 4, audioCodec: null }],
    ["sound alone", { seconds: 4, size: null }],
  ])("keeps every sample of %s at its time", async (_, pattern) => {
    const { files } = await record(pattern);
    await decodeAll(files.ts);
    const kinds = async (file: string) =>
      (await probeStreams(file)).map(({ codec_name }) => codec_name).sort();
    expect(await kinds(files.ts)).toEqual(await kinds(files.mp4));
    for (const stream of ["v:0", "a:0"]) {
      const before = await probePackets(files.mp4, stream);
      const after = await probePackets(files.ts, stream);
      expect(after.map(({ isKeyframe }) => isKeyframe)).toEqual(
        before.map(({ isKeyframe }) => isKeyframe),
      );
      for (const [index, { ptsS }] of before.entries()) {
        expect(after[index]?.ptsS).toBeCloseTo(ptsS, 3);
      }
    }
  });

  test("gives the same bytes every time, in whole packets", async () => {
    const { init, segments: [segment = init] } = await record({ seconds: 3 });
    const bytes = segmentAsTs(init, segment);
    expect(segmentAsTs(init, segment)).toEqual(bytes);
    expect(bytes.length % 188).toBe(0);
    for (let at = 0; at < bytes.length; at += 188) expect(bytes[at]).toBe(0x47);
  });

  test("refuses what is damaged", async () => {
    const { init, segments: [segment = init] } = await record({ seconds: 3 });
    expect(() => segmentAsTs(init, segment.subarray(0, -1))).toThrow(BoxError);
    expect(() => segmentAsTs(segment, segment)).toThrow(BoxError);
  });
});

describe("writeTransportStream()", () => {
  test("fills packets to the byte, whatever a unit measures", () => {
    for (let bytes = 1; bytes < 600; bytes += 1) {
      const data = Uint8Array.from({ length: bytes }, (_, index) => index % 251);
      const unit = { track: "video", dtsTicks: 0, ptsTicks: 3000, isRandomAccess: true } as const;
      const stream = writeTransportStream({ hasVideo: true, hasAudio: false }, [{ ...unit, data }]);
      expect(stream.length % 188).toBe(0);
      expect(payloadOf(stream, 0x100).subarray(-bytes)).toEqual(Buffer.from(data));
    }
  });
});

describe("adtsHeaderOf()", () => {
  test("says what the configuration says", () => {
    expect([...adtsHeaderOf(Uint8Array.of(0x11, 0x90), 100)])
      .toEqual([0xff, 0xf1, 0x4c, 0x80, 0x0d, 0x7f, 0xfc]);
    // HE-AAC: its core is AAC-LC at half the rate.
    expect(adtsHeaderOf(Uint8Array.of(0x2b, 0x11, 0x88), 100)[2]).toBe(0x58);
    expect(() => adtsHeaderOf(Uint8Array.of(0x17, 0x80), 100)).toThrow(BoxError);
  });
});

/** What the packets of `pid` carry, their headers and adaptation fields left out. */
function payloadOf(stream: Uint8Array, pid: number): Buffer {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += 188) {
    const packet = stream.subarray(at, at + 188);
    if ((((packet[1] ?? 0) & 0x1f) << 8 | (packet[2] ?? 0)) !== pid) continue;
    const hasAdaptation = ((packet[3] ?? 0) & 0x20) !== 0;
    chunks.push(packet.subarray(hasAdaptation ? 5 + (packet[4] ?? 0) : 4));
  }
  return Buffer.concat(chunks);
}
