import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { addToOutbox, claimJobs } from "#db/outbox.ts";
import type { ImageJob, QueuedJob } from "#shared/contracts/jobs.ts";
import { newId } from "#shared/ids.ts";
import { createLogger, type LogLine, silentLogger } from "#shared/log.ts";
import { createEmbeddedQueue } from "#shared/queue/embedded.ts";
import type { JobQueue } from "#shared/queue/port.ts";
import { createTestDatabase, type TestDatabase } from "#test/helpers/database.ts";
import { asImageJob } from "#test/helpers/jobs.ts";
import { until } from "#test/helpers/until.ts";
import { createRelay, type Relay } from "./relay.ts";

let database: TestDatabase;
const relays: Relay[] = [];
const queues: JobQueue[] = [];

beforeAll(async () => {
  database = await createTestDatabase({ poolSize: 8 });
});
beforeEach(async () => {
  await database.db.deleteFrom("outbox").execute();
});
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
  await Promise.all(queues.splice(0).map((queue) => queue.stop()));
});
afterAll(() => database.close());

function newJob(): ImageJob {
  const imageId = newId();
  const targetPrefix = `pictures/${imageId}/1`;
  const sourceKey = `originals/${imageId}`;
  return {
    kind: "image",
    imageId,
    version: 1,
    purpose: "profile-picture",
    sourceKey,
    targetPrefix,
  };
}

async function add(count: number): Promise<string[]> {
  const jobs = Array.from({ length: count }, newJob);
  for (const job of jobs) await addToOutbox(database.db, job);
  return jobs.map(({ imageId }) => imageId).toSorted();
}

const left = async () =>
  (await database.db.selectFrom("outbox").select(["id", "claimed_until"]).execute()).length;

async function startRelay(queue: Pick<JobQueue, "publish" | "isConnected">, more = {}) {
  const relay = createRelay({ db: database.db, queue, log: silentLogger, ...more });
  relays.push(relay);
  await relay.start();
  return relay;
}

/** A queue that keeps what it was given. */
function recordingQueue() {
  const got: QueuedJob[] = [];
  return {
    got,
    isConnected: () => true,
    publish: (queued: QueuedJob) => {
      got.push(queued);
      return Promise.resolve();
    },
  };
}

const imagesOf = (got: readonly QueuedJob[]) =>
  got.map(({ job }) => asImageJob(job).imageId).toSorted();

test("createRelay() hands every job on once and empties the outbox, three relays at once", async () => {
  const ids = await add(200);
  const queue = recordingQueue();
  await Promise.all([1, 2, 3].map(() => startRelay(queue, { maxInFlight: 10 })));
  await until(async () => await left() === 0, 5000);
  expect(imagesOf(queue.got)).toEqual(ids);
});

test("wake() sends a job at once, without waiting for the poll", async () => {
  const queue = recordingQueue();
  const relay = await startRelay(queue, { pollMs: 60_000 });
  // The first look has been taken once a job of before is gone.
  await add(1);
  relay.wake();
  await until(() => queue.got.length === 1, 2000);
  await add(1);
  relay.wake();
  await until(() => queue.got.length === 2, 2000);
});

test("createRelay() finds jobs that other processes wrote by polling", async () => {
  const queue = recordingQueue();
  await startRelay(queue, { pollMs: 50 });
  await add(3);
  await until(() => queue.got.length === 3, 2000);
});

test("createRelay() keeps jobs while the queue refuses and sends them when it is back", async () => {
  const ids = await add(30);
  const queue = recordingQueue();
  let isDown = true;
  let refused = 0;
  await startRelay({
    isConnected: () => true,
    publish: (queued) => {
      if (!isDown) return queue.publish(queued);
      refused += 1;
      return Promise.reject(new Error("the broker is down"));
    },
  });
  await until(() => refused > 31, 5000);
  expect(await left()).toBe(30);
  isDown = false;
  const backAt = performance.now();
  await until(async () => await left() === 0, 5000);
  expect(performance.now() - backAt).toBeLessThan(5000);
  expect(imagesOf(queue.got)).toEqual(ids);
});

test("createRelay() does not touch the outbox while the queue is not connected", async () => {
  await add(1);
  let isConnected = false;
  const queue = recordingQueue();
  let asked = 0;
  await startRelay({
    ...queue,
    isConnected: () => {
      asked += 1;
      return isConnected;
    },
  });
  await until(() => asked > 4, 3000);
  const [row] = await database.db.selectFrom("outbox").select("attempts").execute();
  expect(row?.attempts).toBe(0);
  isConnected = true;
  await until(() => queue.got.length === 1, 2000);
});

test("claims are kept while a job is under way, and run out when their relay died", async () => {
  await add(2);
  // A relay that died: it claimed one and says nothing any more.
  expect(await claimJobs(database.db, { limit: 1, leaseMs: 300 })).toHaveLength(1);
  const got: QueuedJob[] = [];
  const settle: (() => void)[] = [];
  const slow = {
    isConnected: () => true,
    publish: (queued: QueuedJob) => {
      got.push(queued);
      return new Promise<void>((resolve) => settle.push(resolve));
    },
  };
  await startRelay(slow, { leaseMs: 300, pollMs: 50 });
  const other = recordingQueue();
  await startRelay(other, { leaseMs: 300, pollMs: 50 });
  await until(() => got.length + other.got.length === 2, 3000);
  const since = performance.now();
  await until(() => performance.now() - since > 900, 2000);
  expect(got.length + other.got.length).toBe(2);
  for (const resolve of settle) resolve();
  await until(async () => await left() === 0, 2000);
});

test("with the embedded queue a job cut off by a restart is delivered again", async () => {
  const [imageId] = await add(1);
  const first = createEmbeddedQueue({ log: silentLogger, drainDeadlineMs: 50 });
  let begun = 0;
  await first.consume({
    prefetch: 1,
    handle: () => {
      begun += 1;
      return new Promise(() => {});
    },
  });
  await first.start();
  const lines: LogLine[] = [];
  const log = createLogger({ level: "info", write: (line) => lines.push(line) });
  const relay = await startRelay(first, { log });
  await until(() => begun === 1, 2000);
  await first.stop();
  await relay.stop();
  expect(await left()).toBe(1);
  // Nothing is wrong with a stop.
  expect(lines).toEqual([]);

  const second = createEmbeddedQueue({ log: silentLogger });
  queues.push(second);
  const handled: string[] = [];
  await second.consume({
    prefetch: 1,
    handle: ({ queued }) => {
      handled.push(asImageJob(queued.job).imageId);
      return Promise.resolve();
    },
  });
  await second.start();
  await startRelay(second);
  await until(async () => await left() === 0, 3000);
  expect(handled).toEqual([imageId]);
});
