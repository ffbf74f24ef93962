import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ControlRefusal, ControlUnavailable } from "#shared/control-plane.ts";
import type { DownloadReport } from "#shared/contracts/control.ts";
import type { QueuedJob } from "#shared/contracts/jobs.ts";
import { newId } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { createEmbeddedQueue } from "#shared/queue/embedded.ts";
import type { JobQueue } from "#shared/queue/port.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { runForOutput } from "#test/helpers/ffmpeg.ts";
import { storeRecording } from "#test/helpers/recording.ts";
import { createMediaWorker } from "./worker.ts";

let directory: string;
let storage: Storage;
let queue: JobQueue;
let reports: DownloadReport[];
/** What the control plane does with a report. */
let answer: (report: DownloadReport) => Promise<void>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-worker-"));
  storage = createFileStorage({ directory });
  queue = createEmbeddedQueue({
    log: silentLogger,
    policy: { retryDelaysMs: [20, 20], attemptDeadlineMs: 20_000 },
  });
  reports = [];
  answer = () => Promise.resolve();
  const control = {
    download: async (report: DownloadReport) => {
      reports.push(report);
      await answer(report);
    },
  };
  await queue.start();
  await createMediaWorker({ queue, storage, control, log: silentLogger }).start();
});
afterEach(async () => {
  await queue.stop();
  await rm(directory, { recursive: true });
});

function downloadJob(videoUrl: string) {
  const downloadId = newId();
  const job = {
    kind: "download",
    downloadId,
    playlistKey: `videos/${videoUrl}/index.m3u8`,
    targetKey: `videos/${videoUrl}/download/${downloadId}.mp4`,
  } as const;
  return { id: newId(), job } satisfies QueuedJob;
}

const statuses = () => reports.map(({ status }) => status);

describe("createMediaWorker()", () => {
  test("writes the MP4, says how far it is, and writes it once", async () => {
    const queued = downloadJob(await storeRecording(storage, [{ seconds: 3 }]));
    await queue.publish(queued);
    const { downloadId, targetKey } = queued.job;
    const stored = await storage.head(targetKey);
    expect(stored).toMatchObject({ contentType: "video/mp4" });
    expect(reports[0]).toEqual({ status: "running", downloadId, progress: 0 });
    expect(reports.at(-1)).toEqual({ status: "ready", downloadId, bytes: stored?.bytes });
    await runForOutput("ffmpeg", [
      "-v",
      "error",
      "-i",
      join(directory, targetKey),
      "-f",
      "null",
      "-",
    ]);
    await queue.publish(queued);
    expect(reports.at(-1)).toEqual({ status: "ready", downloadId, bytes: stored?.bytes });
    expect((await storage.head(targetKey))?.etag).toBe(stored?.etag);
  });

  test("gives up at once on what is not there", async () => {
    await queue.publish(downloadJob("nothing12345"));
    expect(reports).toMatchObject([{ status: "failed", code: "RECORDING_GONE" }]);
  });

  test("gives up at once on what is damaged, and leaves no file", async () => {
    const videoUrl = await storeRecording(storage, [{ seconds: 3 }]);
    const key = `videos/${videoUrl}/1/high/seg-1.m4s`;
    await storage.put(key, new Uint8Array(300), { contentType: "video/iso.segment" });
    const queued = downloadJob(videoUrl);
    await queue.publish(queued);
    expect(reports.at(-1)).toMatchObject({ status: "failed", code: "RECORDING_DAMAGED" });
    expect(await storage.head(queued.job.targetKey)).toBeNull();
  });

  test("tries again when the API is away, without writing again", async () => {
    const queued = downloadJob(await storeRecording(storage, [{ seconds: 2 }]));
    let failures = 1;
    answer = ({ status }) => {
      if (status !== "ready") return Promise.resolve();
      failures -= 1;
      return failures >= 0 ? Promise.reject(new ControlUnavailable("away")) : Promise.resolve();
    };
    await queue.publish(queued);
    expect(statuses().filter((status) => status === "ready")).toHaveLength(2);
    expect(statuses().filter((status) => status === "running")).toHaveLength(1);
  });

  test("leaves nothing when nobody wants it any more", async () => {
    const queued = downloadJob(await storeRecording(storage, [{ seconds: 2 }]));
    answer = () => Promise.reject(new ControlRefusal(404, "NOT_FOUND", "nobody wants it"));
    await queue.publish(queued);
    expect(await storage.head(queued.job.targetKey)).toBeNull();
    expect(statuses()).not.toContain("failed");
  });
});
