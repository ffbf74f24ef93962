/**
 * The resizer as its real process, against a real broker.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asImageJob } from "#test/helpers/jobs.ts";
import { type Broker, startRabbitMq } from "#test/helpers/rabbitmq.ts";
import { until } from "#test/helpers/until.ts";
import { type ImageReport, imageReportSchema } from "#shared/contracts/control.ts";
import type { QueuedJob } from "#shared/contracts/jobs.ts";
import { newId } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { createAmqpQueue } from "#shared/queue/amqp.ts";
import type { JobQueue } from "#shared/queue/port.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { readAll } from "#shared/storage/storage-contract.ts";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resizeImage } from "./resize.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;
const TOKEN = "t".repeat(40);
const KILLS = 20;
const EARLY_KILLS = 4;
const JOBS = 14;

type Worker = {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly exited: Promise<number | null>;
};

function startWorker(env: Record<string, string>): Worker {
  const child = spawn("bun", [MAIN], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr?.on("data", (data: Uint8Array) => {
    stderr += new TextDecoder().decode(data);
  });
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, stderr: () => stderr, exited };
}

test("bad settings are named at once and end it with 2", async () => {
  const worker = startWorker({ LOG_LEVEL: "loud" });
  expect(await worker.exited).toBe(2);
  expect(worker.stderr()).toContain("LOG_LEVEL");
  expect(worker.stderr()).not.toContain("at ");
  const other = startWorker({});
  expect(await other.exited).toBe(2);
  expect(other.stderr()).toMatch(/AMQP_URL: .*\n.*SLUICE_SERVICE_TOKEN: /);
});

describe("the resizer's process", () => {
  let broker: Broker;
  let api: Server;
  let directory: string;
  let queue: JobQueue;
  let env: Record<string, string>;
  /** Reports that were answered. */
  const done: ImageReport[] = [];
  /** Set: the next report gets no answer, and this is called instead. */
  let onHeld: (() => void) | undefined;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-resizer-"));
    api = createServer((request, response) => {
      const chunks: Uint8Array[] = [];
      request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      request.once("end", () => {
        const report = imageReportSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
        if (request.headers.authorization !== `Bearer ${TOKEN}`) {
          response.writeHead(401).end();
        } else if (onHeld !== undefined) {
          onHeld();
        } else {
          done.push(report);
          response.writeHead(204).end();
        }
      });
    });
    await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
    const address = api.address();
    const port = typeof address === "object" ? address?.port : 0;
    broker = await startRabbitMq();
    env = {
      AMQP_URL: broker.url,
      CONTROL_URL: `http://127.0.0.1:${port}`,
      SLUICE_DATA_DIR: directory,
      SLUICE_SERVICE_TOKEN: TOKEN,
    };
    queue = createAmqpQueue({ url: broker.url, log: silentLogger });
    await queue.start();
  }, 60_000);
  afterAll(async () => {
    await queue?.stop();
    api?.closeAllConnections();
    api?.close();
    await broker?.stop();
    await rm(directory, { recursive: true });
  });

  const storage = () => createFileStorage({ directory: join(directory, "media") });

  async function publishJob(hue: number): Promise<{ queued: QueuedJob; original: Uint8Array }> {
    const original = await sharp({
      create: { width: 3000, height: 2000, channels: 3, background: { r: hue, g: 99, b: 200 } },
    }).jpeg().toBuffer();
    const imageId = newId();
    const sourceKey = `uploads/${imageId}`;
    await storage().put(sourceKey, original, { contentType: "image/jpeg" });
    const queued: QueuedJob = {
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
    await queue.publish(queued);
    return { queued, original };
  }

  /** When the last picture was stored, in ms since 1970. A job done again stores over its own. */
  async function lastStoredMs(): Promise<number> {
    const images = join(directory, "media", "images");
    const names = await readdir(images, { recursive: true }).catch(() => []);
    const times = await Promise.all(
      names.map(async (name) => {
        const stats = await stat(join(images, name)).catch(() => undefined);
        return stats?.isFile() === true ? stats.mtimeMs : 0;
      }),
    );
    return Math.max(0, ...times);
  }

  test(
    "killed mid-job 20 times it does every job, with identical results",
    async ({ annotate }) => {
      const jobs: Awaited<ReturnType<typeof publishJob>>[] = [];
      for (let index = 0; index < JOBS; index += 1) jobs.push(await publishJob(index * 15));

      for (let kills = 0; kills < KILLS; kills += 1) {
        const before = await lastStoredMs();
        const held = new Promise<void>((resolve) => {
          onHeld = resolve;
        });
        const worker = startWorker(env);
        // First in the midst of storing, then stored and reported but not acknowledged.
        if (kills < EARLY_KILLS) await until(async () => await lastStoredMs() > before, 10_000);
        else await held;
        worker.child.kill("SIGKILL");
        await worker.exited;
      }
      expect(done).toEqual([]);
      onHeld = undefined;

      const worker = startWorker(env);
      const isDone = (job: QueuedJob) =>
        done.some(({ imageId }) => imageId === asImageJob(job.job).imageId);
      await until(() => jobs.every(({ queued }) => isDone(queued)), 20_000);
      worker.child.kill("SIGTERM");
      expect(await worker.exited).toBe(0);

      for (const { queued, original } of jobs) {
        for (const { name, bytes } of await resizeImage(original, "profile-picture")) {
          const stored = await storage().get(`${asImageJob(queued.job).targetPrefix}/${name}`);
          expect(Buffer.compare(await readAll(stored), bytes)).toBe(0);
        }
      }
      const lost = jobs.filter(({ queued }) => !isDone(queued)).length;
      const report = { kills: KILLS, jobs: JOBS, lost, duplicated: done.length - JOBS };
      await annotate(JSON.stringify(report));
      expect(done.every(({ status }) => status === "ready")).toBe(true);
    },
    120_000,
  );

  test("SIGTERM lets the job in hand finish", async () => {
    const held = new Promise<void>((resolve) => {
      onHeld = resolve;
    });
    const worker = startWorker(env);
    const { queued } = await publishJob(7);
    await held;
    worker.child.kill("SIGTERM");
    await until(() => worker.stderr().includes("process.draining"), 5000);
    onHeld = undefined; // its retry of the unanswered report is answered
    const { imageId } = asImageJob(queued.job);
    const report = await until(() => done.find((each) => each.imageId === imageId), 15_000);
    expect(report).toMatchObject({ status: "ready" });
    expect(await worker.exited).toBe(0);
  }, 40_000);
});
