import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "#test/helpers/until.ts";
import { ControlRefusal, ControlUnavailable } from "#shared/control-plane.ts";
import type { ImageReport } from "#shared/contracts/control.ts";
import type { ImageJob, QueuedJob } from "#shared/contracts/jobs.ts";
import { newId } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { createEmbeddedQueue } from "#shared/queue/embedded.ts";
import type { JobQueue } from "#shared/queue/port.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { type Storage, StorageError } from "#shared/storage/port.ts";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createResizer } from "./worker.ts";

let directory: string;
let storage: Storage;
let queue: JobQueue;
let reports: ImageReport[];
/** What the control plane does with a report. */
let answer: (report: ImageReport) => Promise<void>;
let picture: Uint8Array;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-resizer-"));
  storage = createFileStorage({ directory });
  queue = createEmbeddedQueue({
    log: silentLogger,
    policy: { retryDelaysMs: [20, 20], attemptDeadlineMs: 10_000 },
  });
  reports = [];
  answer = () => Promise.resolve();
  picture = await sharp({
    create: { width: 600, height: 400, channels: 3, background: "#3a7" },
  }).jpeg().toBuffer();
});
afterEach(async () => {
  await queue.stop();
  await rm(directory, { recursive: true });
});

async function startResizer(using: Storage = storage): Promise<void> {
  const resizer = createResizer({
    queue,
    storage: using,
    control: {
      image: async (report) => {
        reports.push(report);
        await answer(report);
      },
      storyboard: () => Promise.resolve(),
    },
    log: silentLogger,
    concurrency: 2,
  });
  await queue.start();
  await resizer.start();
}

async function uploadJob(bytes: Uint8Array = picture): Promise<QueuedJob & { job: ImageJob }> {
  const imageId = newId();
  const sourceKey = `uploads/${imageId}`;
  await storage.put(sourceKey, bytes, { contentType: "image/jpeg" });
  return {
    id: newId(),
    job: {
      kind: "image",
      imageId,
      version: 1,
      purpose: "profile-picture",
      sourceKey,
      targetPrefix: `images/${imageId}/1`,
    },
  };
}

async function keysBelow(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix)) keys.push(key.slice(prefix.length));
  return keys;
}

const NAMES = ["256.jpg", "256.webp", "512.jpg", "512.webp", "80.jpg", "80.webp"];

describe("createResizer()", () => {
  test("stores every variant and reports it", async () => {
    await startResizer();
    const queued = await uploadJob();
    await queue.publish(queued);
    const { imageId, targetPrefix } = queued.job;
    expect(await keysBelow(`${targetPrefix}/`)).toEqual(NAMES);
    const [report] = reports;
    expect(report).toMatchObject({ status: "ready", imageId, version: 1 });
    if (report?.status !== "ready") return expect.unreachable();
    expect(report.variants).toHaveLength(6);
    for (const { key, contentType, bytes, name } of report.variants) {
      expect(key).toBe(`${targetPrefix}/${name}`);
      expect(await storage.head(key)).toMatchObject({ contentType, bytes });
    }
  });

  test("a job that comes twice reports the same, also after its original is gone", async () => {
    await startResizer();
    const queued = await uploadJob();
    await queue.publish(queued);
    await queue.publish(queued);
    await storage.delete(queued.job.sourceKey);
    await queue.publish(queued);
    expect(reports).toHaveLength(3);
    expect(reports[1]).toEqual(reports[0]);
    expect(reports[2]).toEqual(reports[0]);
  });

  test.each([
    ["no image", () => new TextEncoder().encode("<html>hello</html>"), "UNSUPPORTED_IMAGE"],
    ["cut short", () => picture.subarray(0, picture.length / 2), "UNSUPPORTED_IMAGE"],
    ["too large", () => new Uint8Array(10 * 1024 * 1024 + 1), "IMAGE_TOO_LARGE"],
  ])("an original that is %s is reported failed, once", async (_name, bytes, code) => {
    await startResizer();
    const queued = await uploadJob(bytes());
    await queue.publish(queued);
    const { imageId } = queued.job;
    expect(reports).toEqual([
      { status: "failed", imageId, version: 1, code, detail: expect.any(String) },
    ]);
    expect(await keysBelow(`${queued.job.targetPrefix}/`)).toEqual([]);
  });

  test("tries again when the API is away", async () => {
    let failures = 2;
    answer = () => {
      failures -= 1;
      return failures >= 0 ? Promise.reject(new ControlUnavailable("away")) : Promise.resolve();
    };
    await startResizer();
    await queue.publish(await uploadJob());
    expect(reports.map(({ status }) => status)).toEqual(["ready", "ready", "ready"]);
  });

  test("tries again when the storage fails, and says so at the last attempt", async () => {
    let puts = 0;
    const broken: Storage = {
      get: (key, range) => storage.get(key, range),
      head: (key) => storage.head(key),
      delete: (key) => storage.delete(key),
      deletePrefix: (prefix) => storage.deletePrefix(prefix),
      list: (prefix) => storage.list(prefix),
      put: (key) => {
        puts += 1;
        return Promise.reject(new StorageError("put", key, new Error("disk full")));
      },
    };
    await startResizer(broken);
    await queue.publish(await uploadJob());
    expect(puts).toBe(3 * NAMES.length);
    expect(reports).toMatchObject([{ status: "failed", code: "INTERNAL" }]);
  });

  test("an original that is gone without variants is reported failed", async () => {
    await startResizer();
    const queued = await uploadJob();
    await storage.delete(queued.job.sourceKey);
    await queue.publish(queued);
    expect(reports).toMatchObject([{ status: "failed", code: "INTERNAL" }]);
  });

  test("removes its variants when a newer version has taken over", async () => {
    answer = () => Promise.reject(new ControlRefusal(409, "CONFLICT", "a newer version"));
    await startResizer();
    const queued = await uploadJob();
    await queue.publish(queued);
    expect(reports).toHaveLength(1);
    expect(await keysBelow(`${queued.job.targetPrefix}/`)).toEqual([]);
  });

  test("works on as many images at once as it may", async () => {
    let inHand = 0;
    let most = 0;
    const release = Promise.withResolvers<void>();
    answer = async () => {
      inHand += 1;
      most = Math.max(most, inHand);
      await release.promise;
      inHand -= 1;
    };
    await startResizer();
    const jobs = await Promise.all(Array.from({ length: 5 }, () => uploadJob()));
    const done = Promise.all(jobs.map((job) => queue.publish(job)));
    await until(() => inHand === 2, 5000);
    release.resolve();
    await done;
    expect(most).toBe(2);
  });
});
