/**
 * What a live playlist lists beyond memory, and how it goes on after its process was killed.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as HLS from "hls-parser";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkMediaPlaylist, readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { checkDelta, checkReload } from "#shared/hls/check-reload.ts";
import type { CheckedSegment } from "#shared/hls/parse-playlist.ts";
import { newVideoUrl } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import {
  resumeSyntheticBroadcast,
  startSyntheticBroadcast,
  type SyntheticBroadcast,
  type SyntheticOptions,
} from "#test/helpers/synthetic-broadcast.ts";
import { until } from "#test/helpers/until.ts";
import { createRecorder } from "../recorder/recorder.ts";
import { LiveRegistry } from "../live/live-registry.ts";

let folder: string;
let storage: Storage;
let live: LiveRegistry;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-dvr-"));
  storage = createFileStorage({ directory: join(folder, "media") });
  live = new LiveRegistry();
});

afterEach(async () => {
  live.close();
  await rm(folder, { recursive: true });
});

const recorderOf = (from: Storage = storage) =>
  createRecorder({ storage: from, nodeId: "node-1", log: silentLogger });

function render({ videoUrl }: SyntheticBroadcast, isDelta = false): string {
  const text = live.get(videoUrl)?.rendition("high")?.render(isDelta) ?? "";
  expect(checkMediaPlaylist(text)).toEqual([]);
  HLS.parse(text);
  return text;
}

async function readRecording({ videoUrl }: SyntheticBroadcast) {
  const vod = await storage.get(`videos/${videoUrl}/1/high/index.m3u8`);
  return readMediaPlaylist(await new Response(vod?.body).text());
}

/** Pushes second by second, each segment in storage before the next: as in real time. */
async function runUntil(broadcast: SyntheticBroadcast, fromS: number, toS: number): Promise<void> {
  const rendition = live.get(broadcast.videoUrl)?.rendition("high");
  for (let second = fromS; second <= toS; second += 2) {
    broadcast.pushUntil(second);
    const last = rendition?.completeSegments ?? 0;
    const key = `videos/${broadcast.videoUrl}/1/high/journal-${Math.floor(last / 100)}.json`;
    if (last === 0) continue;
    await until(async () => {
      const journal = await storage.get(key);
      return journal !== null &&
        (await new Response(journal.body).text()).includes(`"msn":${last},`);
    }, 8000);
  }
}

describe("the DVR window", () => {
  test("lists what storage has, drops the oldest, and keeps delta updates small", async () => {
    const start = { partTargetMs: 340, dvrWindowS: 40 };
    const broadcast = startSyntheticBroadcast({ live, recorder: recorderOf(), start });
    await runUntil(broadcast, 2, 30);
    const early = readMediaPlaylist(render(broadcast));
    expect(early.mediaSequence).toBe(1);
    const rendition = live.get(broadcast.videoUrl)?.rendition("high");
    // Listed, not in memory, but in storage.
    expect(rendition?.read({ kind: "segment", number: 2 })).toBeNull();
    expect(await storage.head(`videos/${broadcast.videoUrl}/1/high/seg-2.m4s`)).not.toBeNull();

    let before = render(broadcast);
    for (let second = 32; second <= 60; second += 2) {
      await runUntil(broadcast, second, second);
      const after = render(broadcast);
      expect(checkReload(before, after)).toEqual([]);
      before = after;
    }
    const late = readMediaPlaylist(before);
    const listedS = late.segments.reduce((sum, { durationS }) => sum + durationS, 0);
    expect(late.mediaSequence).toBeGreaterThan(5);
    expect(listedS).toBeGreaterThanOrEqual(40);
    expect(listedS).toBeLessThanOrEqual(42);
    expect(broadcast.packager.issues).toEqual([]);
    const delta = readMediaPlaylist(render(broadcast, true));
    expect(delta.skipped).toBeGreaterThan(10);
    expect(delta.segments.length).toBeLessThan(9);
    await broadcast.packager.end();
    expect(await storage.head(`videos/${broadcast.videoUrl}/1/high/seg-1.m4s`)).not.toBeNull();
  }, 30_000);

  test("counts the discontinuities that leave it; the recording keeps everything", async () => {
    const start = { partTargetMs: 340, dvrWindowS: 20 };
    const broadcast = startSyntheticBroadcast({ live, recorder: recorderOf(), start });
    await runUntil(broadcast, 2, 10);
    let before = render(broadcast);
    for (let second = 12; second <= 70; second += 2) {
      if (second % 20 === 12) broadcast.packager.markDiscontinuity();
      await runUntil(broadcast, second, second);
      const after = render(broadcast);
      expect(checkReload(before, after)).toEqual([]);
      expect(checkDelta(before, render(broadcast, true), after)).toEqual([]);
      before = after;
    }
    const { mediaSequence, discontinuitySequence, segments } = readMediaPlaylist(before);
    const listedS = segments.reduce((sum, { durationS }) => sum + durationS, 0);
    expect(listedS).toBeGreaterThanOrEqual(20);
    expect(listedS).toBeLessThanOrEqual(22.1);
    await broadcast.packager.end();
    const recorded = await readRecording(broadcast);
    expect(recorded.complaints).toEqual([]);
    expect(recorded.segments.map(({ uri }) => uri))
      .toEqual(recorded.segments.map((_, index) => `seg-${index + 1}.m4s`));
    expect(recorded.segments.reduce((sum, { durationS }) => sum + durationS, 0)).toBeCloseTo(70, 0);
    // What is listed, and what was counted, is the end of it.
    const first = recorded.segments.findIndex(({ msn }) => msn === mediaSequence);
    const listed = recorded.segments.slice(first, first + segments.length);
    const factsOf = ({ uri, durationS, isDiscontinuous }: CheckedSegment) =>
      [uri, durationS, isDiscontinuous].join();
    expect(segments.map(factsOf)).toEqual(listed.map(factsOf));
    const breaks = recorded.segments.filter(({ isDiscontinuous }) => isDiscontinuous);
    expect(breaks).toHaveLength(3);
    expect(breaks.filter(({ msn }) => msn < mediaSequence)).toHaveLength(discontinuitySequence);
    expect(discontinuitySequence).toBe(2);
  }, 30_000);

  test(
    "a segment has the same bytes in memory and in storage, and its parts only while it is new",
    async () => {
      const start = { partTargetMs: 340, dvrWindowS: 40 };
      const broadcast = startSyntheticBroadcast({ live, recorder: recorderOf(), start });
      await runUntil(broadcast, 2, 20);
      const rendition = live.get(broadcast.videoUrl)?.rendition("high");
      const last = rendition?.completeSegments ?? 0;
      for (let msn = last - 7; msn <= last; msn += 1) {
        const stored = await storage.get(`videos/${broadcast.videoUrl}/1/high/seg-${msn}.m4s`);
        const inMemory = rendition?.read({ kind: "segment", number: msn });
        expect(await inMemory?.bytes()).toEqual(await new Response(stored?.body).bytes());
      }
      const parts = rendition?.parts ?? 0;
      const isReadable = (number: number) => rendition?.read({ kind: "part", number }) !== null;
      const listed = readMediaPlaylist(render(broadcast)).segments.flatMap((segment) =>
        segment.parts
      );
      expect(listed.length).toBeGreaterThan(6);
      for (const { uri } of listed) expect(isReadable(numberOf(uri))).toBe(true);
      // Three segments of six parts more, for who read the playlist of then.
      expect(isReadable(parts - 30)).toBe(true);
      expect(isReadable(parts - 38)).toBe(false);
      await broadcast.packager.end();
    },
    30_000,
  );

  test("without a recording is what memory holds", () => {
    const broadcast = startSyntheticBroadcast({ live, start: { dvrWindowS: 7200 } });
    broadcast.pushUntil(60);
    expect(readMediaPlaylist(render(broadcast)).segments).toHaveLength(8);
  });

  test("lists nothing that memory lost and storage never got", async () => {
    const refusing: Storage = {
      ...storage,
      put: () => Promise.reject(new Error("no space left on device")),
      get: (...args) => storage.get(...args),
      head: (key) => storage.head(key),
      delete: (key) => storage.delete(key),
      deletePrefix: (prefix) => storage.deletePrefix(prefix),
      list: (prefix) => storage.list(prefix),
    };
    const start = { partTargetMs: 340, dvrWindowS: 7200 };
    const recorder = createRecorder({
      storage: refusing,
      nodeId: "node-1",
      log: silentLogger,
      drainDeadlineMs: 100,
    });
    const broadcast = startSyntheticBroadcast({ live, recorder, start });
    broadcast.pushUntil(60);
    const { segments } = readMediaPlaylist(render(broadcast));
    expect(segments).toHaveLength(8);
    const rendition = live.get(broadcast.videoUrl)?.rendition("high");
    for (const { msn } of segments) {
      expect(rendition?.read({ kind: "segment", number: msn })).not.toBeNull();
    }
    await until(() => broadcast.packager.issues.length > 1, 5000);
    expect(broadcast.packager.issues).toEqual([
      { code: "RECORDING_FAILING", reason: "no space left on device" },
      { code: "DVR_SHORT", measured: 16, wanted: 58 },
    ]);
    await broadcast.packager.end();
  }, 20_000);
});

describe("resumePackager()", () => {
  const optionsOf = (change: Partial<SyntheticOptions> = {}): SyntheticOptions => {
    const videoUrl = newVideoUrl();
    return {
      live,
      spoolFolder: join(folder, "spool", videoUrl),
      start: { videoUrl, partTargetMs: 340, dvrWindowS: 7200 },
      ...change,
    };
  };

  test("goes on with the same playlist, no media lost and no name used twice", async () => {
    const options = optionsOf();
    const first = startSyntheticBroadcast({ ...options, recorder: recorderOf() });
    await runUntil(first, 2, 20);
    first.pushUntil(21.5);
    const before = render(first);
    const open = readMediaPlaylist(before);
    expect(open.openParts.length).toBeGreaterThan(1);
    const names = new Set(before.match(/(?:seg|part|init)-\d+\.\w+/g));
    const openBytes = await readParts(first, open.openParts);

    // The process is gone here: nobody calls end().
    const again = { ...options, live: new LiveRegistry(), recorder: recorderOf() };
    live = again.live;
    const second = await resumeSyntheticBroadcast(again, 0);
    expect(second.packager.isPlayable).toBe(true);
    const waiting = render(second);
    expect(waiting).not.toContain("ENDLIST");
    expect(checkReload(before, waiting)).toEqual([]);
    const closed = readMediaPlaylist(waiting).segments.at(-1);
    expect(closed?.parts.map(({ uri }) => uri)).toEqual(open.openParts.map(({ uri }) => uri));
    expect(await readParts(second, open.openParts)).toEqual(openBytes);
    for (const msn of [(closed?.msn ?? 0) - 1, closed?.msn ?? 0]) {
      const key = `videos/${first.videoUrl}/1/high/seg-${msn}.m4s`;
      const stored = await until(() => storage.get(key), 5000);
      const inMemory = live.get(second.videoUrl)?.rendition("high")?.read({
        kind: "segment",
        number: msn,
      });
      expect(await inMemory?.bytes()).toEqual(await new Response(stored.body).bytes());
    }

    const fromS = second.packager.endMs / 1000 + 0.033;
    const back = await resumeFeed(again, fromS);
    back.packager.useClock(Date.UTC(2026, 0, 2, 3, 5, 5));
    back.pushUntil(fromS + 5);
    const after = render(back);
    expect(checkReload(waiting, after)).toEqual([]);
    const resumed = readMediaPlaylist(after).segments.find(({ msn }) => msn > (closed?.msn ?? 0));
    expect(resumed).toMatchObject({ isDiscontinuous: true, initUri: "init-1.mp4" });
    const wallClockMs = Date.UTC(2026, 0, 2, 3, 5, 5) + fromS * 1000;
    expect(Math.abs((resumed?.wallClockMs ?? 0) - wallClockMs)).toBeLessThan(34);
    const added = after.slice(after.indexOf("#EXT-X-DISCONTINUITY\n"));
    const used = added.match(/(?:seg|part|init)-\d+\.\w+/g) ?? [];
    expect(used.filter((name) => names.has(name))).toEqual([]);

    const summary = await back.packager.end();
    expect(summary.durationMs).toBeGreaterThan(26_000);
    const recorded = await readRecording(back);
    expect(recorded.complaints).toEqual([]);
    expect(recorded.segments.map(({ msn }) => msn)).toEqual(
      recorded.segments.map((_, at) => at + 1),
    );
    expect(recorded.segments.filter(({ isDiscontinuous }) => isDiscontinuous)).toHaveLength(1);
    expect(await readdir(join(folder, "spool"))).toEqual([]);
  }, 30_000);

  test("goes on with what has left a short window, discontinuities included", async () => {
    const base = optionsOf();
    const options = { ...base, start: { ...base.start, dvrWindowS: 16 } };
    const first = startSyntheticBroadcast({ ...options, recorder: recorderOf() });
    await runUntil(first, 2, 10);
    first.packager.markDiscontinuity();
    await runUntil(first, 12, 40);
    const before = render(first);
    const known = readMediaPlaylist(before);
    expect(known.mediaSequence).toBeGreaterThan(5);
    expect(known.discontinuitySequence).toBe(1);

    const fromS = first.packager.endMs / 1000;
    const second = await resumeFeed(options, fromS);
    const waiting = render(second);
    expect(checkReload(before, waiting)).toEqual([]);
    await runUntil(second, fromS + 2, fromS + 30);
    const after = render(second);
    expect(checkReload(waiting, after)).toEqual([]);
    // The break at the kill has left the window, too.
    expect(readMediaPlaylist(after).discontinuitySequence).toBe(2);
    await second.packager.end();
    const recorded = await readRecording(second);
    expect(recorded.complaints).toEqual([]);
    expect(recorded.segments.map(({ uri }) => uri))
      .toEqual(recorded.segments.map((_, index) => `seg-${index + 1}.m4s`));
    expect(recorded.segments.filter(({ isDiscontinuous }) => isDiscontinuous)).toHaveLength(2);
  }, 30_000);

  test("without a recording the spool has the window", async () => {
    const options = optionsOf();
    const first = startSyntheticBroadcast(options);
    first.pushUntil(30.5);
    const before = render(first);
    const again = { ...options, live: new LiveRegistry() };
    live = again.live;
    const second = await resumeSyntheticBroadcast(again, 0);
    const after = render(second);
    expect(checkReload(before, after)).toEqual([]);
    expect(readMediaPlaylist(after).segments).toHaveLength(8);
    await second.packager.end();
  });

  test("of a broadcast that left nothing begins at its beginning", async () => {
    const broadcast = await resumeSyntheticBroadcast(
      { ...optionsOf(), recorder: recorderOf() },
      0,
    );
    expect(broadcast.packager.isPlayable).toBe(false);
    broadcast.pushUntil(3.1);
    expect(readMediaPlaylist(render(broadcast)).mediaSequence).toBe(1);
    await broadcast.packager.end();
  });
});

/** Another life of the same broadcast whose feed begins at `fromS`. */
async function resumeFeed(options: SyntheticOptions, fromS: number): Promise<SyntheticBroadcast> {
  live = new LiveRegistry();
  return await resumeSyntheticBroadcast({ ...options, live, recorder: recorderOf() }, fromS);
}

async function readParts(
  { videoUrl }: SyntheticBroadcast,
  parts: readonly { uri: string }[],
): Promise<(string | undefined)[]> {
  const rendition = live.get(videoUrl)?.rendition("high");
  return await Promise.all(parts.map(async ({ uri }) => {
    const bytes = await rendition?.read({ kind: "part", number: numberOf(uri) })?.arrayBuffer();
    return bytes && Buffer.from(bytes).toString("base64");
  }));
}

function numberOf(uri: string): number {
  return Number(/part-(\d+)/.exec(uri)?.[1]);
}
