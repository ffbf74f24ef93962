import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkMediaPlaylist, readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { type Storage, StorageError } from "#shared/storage/port.ts";
import { startSyntheticBroadcast } from "#test/helpers/synthetic-broadcast.ts";
import { until } from "#test/helpers/until.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import { createRecorder } from "./recorder.ts";
import { recoverRecordings } from "./recover.ts";

let directory: string;
let storage: Storage;
let live: LiveRegistry;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-recorder-"));
  storage = createFileStorage({ directory });
  live = new LiveRegistry();
});

afterEach(async () => {
  live.close();
  await rm(directory, { recursive: true });
});

async function textOf(key: string): Promise<string> {
  const object = await storage.get(key);
  return object === null ? "" : await new Response(object.body).text();
}

async function keysBelow(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix)) keys.push(key);
  return keys;
}

/** Real storage whose writes fail, hang or are slow while `fault` says so. */
const NO_ROOM = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });

class FaultyStorage implements Storage {
  fault: "none" | "full" | "hung" = "none";
  readonly #inner: Storage;
  constructor(inner: Storage) {
    this.#inner = inner;
  }
  async put(...args: Parameters<Storage["put"]>) {
    if (this.fault === "full") throw new StorageError("put", args[0], NO_ROOM);
    if (this.fault === "hung") await new Promise((resolve) => onAbort(args[2].signal, resolve));
    return await this.#inner.put(...args);
  }
  get: Storage["get"] = (...args) => this.#inner.get(...args);
  head: Storage["head"] = (key) => this.#inner.head(key);
  delete: Storage["delete"] = (key) => this.#inner.delete(key);
  deletePrefix: Storage["deletePrefix"] = (prefix) => this.#inner.deletePrefix(prefix);
  list: Storage["list"] = (prefix) => this.#inner.list(prefix);
}

function onAbort(signal: AbortSignal | undefined, resolve: (value: unknown) => void): void {
  signal?.addEventListener("abort", resolve, { once: true });
}

const create = (change: Partial<Parameters<typeof createRecorder>[0]> = {}) =>
  createRecorder({ storage, nodeId: "node-1", log: silentLogger, ...change });

describe("createRecorder()", () => {
  test("keeps every segment and leaves the VOD playlist", async () => {
    const broadcast = startSyntheticBroadcast({ live, recorder: create() });
    broadcast.pushUntil(8);
    const summary = await broadcast.packager.end();
    expect(await textOf(`videos/${broadcast.videoUrl}/1/high/index.m3u8`)).toBe(`#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.000Z
#EXTINF:1,
seg-1.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:06.000Z
#EXTINF:1,
seg-2.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.000Z
#EXTINF:1,
seg-3.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:08.000Z
#EXTINF:1,
seg-4.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:09.000Z
#EXTINF:2,
seg-5.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:11.000Z
#EXTINF:2,
seg-6.m4s
#EXT-X-ENDLIST
`);
    let bytes = 0;
    for await (
      const file of storage.list(`videos/${broadcast.videoUrl}/1/high/seg-`.slice(0, -4))
    ) {
      if (file.key.includes("/seg-")) bytes += file.bytes;
    }
    expect(summary).toEqual({ durationMs: 8000, segments: 6, recordedBytes: bytes });
    expect(await keysBelow("recordings/")).toEqual([]);
  });

  test("a broadcast without a segment leaves nothing", async () => {
    const broadcast = startSyntheticBroadcast({ live, recorder: create() });
    const summary = await broadcast.packager.end();
    expect(summary).toEqual({ durationMs: 0, segments: 0, recordedBytes: 0 });
    expect(await readdir(directory).catch(() => [])).toEqual([]);
  });

  test("long broadcasts go on in further journals", async () => {
    const broadcast = startSyntheticBroadcast({ live, recorder: create(), frameBytes: 20 });
    for (let second = 10; second <= 210; second += 10) {
      broadcast.pushUntil(second);
      await until(() => keysBelow(`videos/${broadcast.videoUrl}/`), 2000);
    }
    await broadcast.packager.end();
    expect(await keysBelow(`videos/${broadcast.videoUrl}/1/high/`))
      .toContain(`videos/${broadcast.videoUrl}/1/high/journal-1.json`);
    const text = await textOf(`videos/${broadcast.videoUrl}/1/high/index.m3u8`);
    expect(readMediaPlaylist(text).segments).toHaveLength(107);
  });

  test("a full disk is noticed at once, live goes on, what was lost is said and never listed", async () => {
    const faulty = new FaultyStorage(storage);
    const recorder = create({ storage: faulty, maxQueuedBytes: 150_000 });
    const broadcast = startSyntheticBroadcast({ live, recorder, rungs: ["low", "high"] });
    broadcast.pushUntil(3);
    await until(() => storage.head(`videos/${broadcast.videoUrl}/1/high/seg-2.m4s`), 2000);
    faulty.fault = "full";
    broadcast.pushUntil(9);
    await until(() => broadcast.packager.issues.some((i) => i.code === "DISK_FULL"), 1000);
    broadcast.pushUntil(20);
    const rendition = live.get(broadcast.videoUrl)?.rendition("high");
    expect(readMediaPlaylist(rendition?.render(false) ?? "").segments).toHaveLength(8);
    faulty.fault = "none";
    await until(() => broadcast.packager.issues.every((i) => i.code !== "DISK_FULL"), 5000);
    expect(broadcast.packager.issues).toEqual([
      { code: "RECORDING_INCOMPLETE", measured: expect.any(Number), wanted: 0 },
    ]);
    let second = 20;
    await until(async () => {
      second += 2;
      broadcast.pushUntil(second);
      const keys = await keysBelow(`videos/${broadcast.videoUrl}/1/high/`);
      return keys.some((key) => /seg-(?:1[3-9]|[2-9]\d)\./.test(key));
    }, 5000);
    await broadcast.packager.end();
    const multivariant = await textOf(`videos/${broadcast.videoUrl}/index.m3u8`);
    const playlists = [...multivariant.matchAll(/^\w+\/1\/(?:low|high)\//gm)];
    expect(playlists.length).toBeGreaterThan(0);
    for (const [prefix] of playlists) {
      const text = await textOf(`videos/${prefix}index.m3u8`);
      expect(checkMediaPlaylist(text)).toEqual([]);
      const { segments } = readMediaPlaylist(text);
      expect(segments.length).toBeGreaterThan(4);
      expect(segments.length).toBeLessThan(second / 2);
      expect(segments.some(({ isDiscontinuous }) => isDiscontinuous)).toBe(true);
      for (const { uri } of segments) {
        expect((await storage.head(`videos/${prefix}${uri}`))?.bytes).toBeGreaterThan(0);
      }
    }
  });

  test("a disk that was full at the start is not forgotten once it has room", async () => {
    const faulty = new FaultyStorage(storage);
    faulty.fault = "full";
    const broadcast = startSyntheticBroadcast({ live, recorder: create({ storage: faulty }) });
    broadcast.pushUntil(1.1);
    await until(() => broadcast.packager.issues.length > 0, 1000);
    faulty.fault = "none";
    broadcast.pushUntil(2.1);
    await until(() => storage.head(`recordings/node-1/${broadcast.videoUrl}.1.json`), 5000);
    await until(() => storage.head(`videos/${broadcast.videoUrl}/1/high/seg-2.m4s`), 5000);
    expect(broadcast.packager.issues).toEqual([]);
    await broadcast.packager.end();
  });

  test("a hung storage is noticed within 6 s and does not hold the end back for long", async () => {
    const faulty = new FaultyStorage(storage);
    const recorder = create({ storage: faulty, drainDeadlineMs: 200 });
    const broadcast = startSyntheticBroadcast({ live, recorder });
    faulty.fault = "hung";
    const startedMs = performance.now();
    broadcast.pushUntil(4);
    await until(() => broadcast.packager.issues.length > 0, 6000);
    expect(broadcast.packager.issues).toEqual([{
      code: "RECORDING_FAILING",
      reason: expect.stringContaining("3500 ms"),
    }]);
    await broadcast.packager.end();
    expect(performance.now() - startedMs).toBeLessThan(12_000);
  });
});

describe("recoverRecordings()", () => {
  test("finishes what a crash left open, without what was never written", async () => {
    const broadcast = startSyntheticBroadcast({ live, recorder: create(), rungs: ["low", "high"] });
    broadcast.pushUntil(18.1);
    const prefix = `videos/${broadcast.videoUrl}/1`;
    await until(() => storage.head(`${prefix}/high/seg-11.m4s`), 8000);
    await until(
      async () => (await textOf(`${prefix}/high/journal-0.json`)).includes(`"msn":11`),
      8000,
    );
    await until(
      async () => (await textOf(`${prefix}/low/journal-0.json`)).includes(`"msn":11`),
      8000,
    );
    // The process is gone here: nobody calls end(). One file did not survive.
    await storage.delete(`${prefix}/high/seg-3.m4s`);

    const options = { storage, nodeId: "node-1", log: silentLogger };
    expect(await recoverRecordings({ ...options, nodeId: "node-2" })).toEqual([]);
    const [recovered, ...others] = await recoverRecordings(options);
    expect(others).toEqual([]);
    expect(recovered).toMatchObject({
      videoUrl: broadcast.videoUrl,
      epoch: 1,
      durationMs: 17_000,
      isPlayable: true,
    });
    for (const name of ["low", "high"]) {
      const text = await textOf(`${prefix}/${name}/index.m3u8`);
      expect(checkMediaPlaylist(text)).toEqual([]);
      expect(text).not.toContain("seg-3.m4s");
      expect(text).toContain("#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:08");
    }
    expect(await textOf(`videos/${broadcast.videoUrl}/index.m3u8`)).toContain("/1/low/index.m3u8");
    expect(await recoverRecordings(options)).toEqual([]);
  });
});
