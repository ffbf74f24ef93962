/**
 * A disk that runs full under a live broadcast, and has room again.
 */
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkMediaPlaylist, readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { checkReload } from "#shared/hls/check-reload.ts";
import { createLogger, type LogFields, type LogLine } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { type Storage, StorageError } from "#shared/storage/port.ts";
import { mountSmallDisk, type SmallDisk } from "#test/helpers/small-disk.ts";
import { startSyntheticBroadcast } from "#test/helpers/synthetic-broadcast.ts";
import { until } from "#test/helpers/until.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import { createRecorder } from "./recorder.ts";

const DISK_KIB = 2048;

let disk: SmallDisk | null;
let folder: string;
/** Takes all the room there is, and gives it back. */
let fill: () => Promise<void>;
let free: () => Promise<void>;
let storage: Storage;

beforeEach(async () => {
  disk = await mountSmallDisk(DISK_KIB);
  folder = disk?.folder ?? await mkdtemp(join(tmpdir(), "sluice-disk-"));
  const files = createFileStorage({ directory: join(folder, "media") });
  const filler = join(folder, "filler");
  let isFull = false;
  fill = async () => {
    isFull = true;
    if (disk === null) return;
    for (const bytes of [65_536, 4096]) {
      while (await hasRoom(filler, bytes));
    }
  };
  free = async () => {
    isFull = false;
    await rm(filler, { force: true });
  };
  // Without a disk of its own the test takes the error from the device that is always full.
  storage = disk !== null ? files : withFaults(files, () => isFull);
});

afterEach(async () => {
  if (disk === null) await rm(folder, { recursive: true });
  else await disk.remove();
});

async function hasRoom(path: string, bytes: number): Promise<boolean> {
  return await appendFile(path, new Uint8Array(bytes)).then(() => true, () => false);
}

function withFaults(files: Storage, isFull: () => boolean): Storage {
  return {
    put: async (...args) => {
      if (!isFull()) return await files.put(...args);
      await writeFile("/dev/full", "x").catch((error: unknown) => {
        throw new StorageError("put", args[0], error);
      });
      throw new Error("/dev/full took a byte");
    },
    get: (...args) => files.get(...args),
    head: (key) => files.head(key),
    delete: (key) => files.delete(key),
    deletePrefix: (prefix) => files.deletePrefix(prefix),
    list: (prefix) => files.list(prefix),
  };
}

test(
  "a full disk: live goes on from memory, says so, and is recorded again ≤ 5 s after there is room",
  async () => {
    const live = new LiveRegistry();
    const lines: (LogLine & LogFields)[] = [];
    const recorder = createRecorder({
      storage,
      nodeId: "node-1",
      log: createLogger({ level: "info", write: (line) => lines.push(line) }),
      maxQueuedBytes: 400_000,
    });
    const start = { partTargetMs: 340, dvrWindowS: 7200 };
    const spoolFolder = join(folder, "spool");
    const broadcast = startSyntheticBroadcast({
      live,
      recorder,
      start,
      spoolFolder,
      frameBytes: 300,
    });
    const rendition = live.get(broadcast.videoUrl)?.rendition("high");
    const prefix = `videos/${broadcast.videoUrl}/1/high`;
    let before = "";
    const expectSound = async () => {
      const text = rendition?.render(false) ?? "";
      expect(checkMediaPlaylist(text)).toEqual([]);
      if (before !== "") expect(checkReload(before, text)).toEqual([]);
      before = text;
      for (const { msn } of readMediaPlaylist(text).segments) {
        const isInMemory = (rendition?.read({ kind: "segment", number: msn }) ?? null) !== null;
        const isThere = isInMemory || await storage.head(`${prefix}/seg-${msn}.m4s`) !== null;
        expect(isThere).toBe(true);
      }
    };

    broadcast.pushUntil(30);
    await until(() => storage.head(`${prefix}/seg-16.m4s`), 5000);
    await expectSound();
    await fill();
    for (let second = 32; second <= 90; second += 2) {
      broadcast.pushUntil(second);
      await expectSound();
    }
    const codes = () => broadcast.packager.issues.map(({ code }) => code);
    await until(() => codes().includes("DISK_FULL"), 6000);
    expect(codes()).toEqual(["DISK_FULL", "RECORDING_INCOMPLETE", "DVR_SHORT"]);
    expect(readMediaPlaylist(before).mediaSequence).toBeGreaterThan(30);

    await free();
    await until(() => !codes().includes("DISK_FULL"), 5000);
    // What waited in memory is written first; until then there may be no room for the next segment.
    let second = 90;
    const isGoingOn = async () => {
      second += 2;
      broadcast.pushUntil(second);
      const last = rendition?.completeSegments ?? 0;
      await sleep(50);
      return await storage.head(`${prefix}/seg-${last}.m4s`) !== null;
    };
    await until(isGoingOn, 5000);
    await expectSound();
    expect(broadcast.packager.issues).toEqual([
      { code: "RECORDING_INCOMPLETE", measured: expect.any(Number), wanted: 0 },
      { code: "DVR_SHORT", measured: expect.any(Number), wanted: second - 2 },
    ]);
    const summary = await broadcast.packager.end();
    expect(summary.durationMs).toBe(second * 1000);
    expect(summary.recordedBytes).toBeGreaterThan(100_000);
    const finished = lines.find(({ event }) => event === "recording.finished");
    const dropped = lines.filter(({ event }) => event === "recording.segment_dropped").length;
    expect(finished).toMatchObject({ droppedSegments: dropped, droppedS: dropped * 2 });
    expect(finished).not.toHaveProperty("segments");
    live.close();
  },
  40_000,
);
