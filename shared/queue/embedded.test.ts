import { until } from "#test/helpers/until.ts";
import { expect, test } from "vitest";
import { createLogger, silentLogger } from "../log.ts";
import { createEmbeddedQueue, QueueFullError } from "./embedded.ts";
import { QueueStoppedError } from "./port.ts";
import { describeQueue, newJob, recordDeliveries, TEST_POLICY } from "./queue-contract.ts";

describeQueue("embedded queue", () => {
  const dead: string[] = [];
  const log = createLogger({
    level: "error",
    write: (line) => {
      if (line.event === "job.dead") dead.push(String(line["job"]));
    },
  });
  return Promise.resolve({
    queue: createEmbeddedQueue({ log, policy: TEST_POLICY, drainDeadlineMs: 500 }),
    deadLetters: () => Promise.resolve(dead),
    remove: () => Promise.resolve(),
  });
});

function createQueue(capacity = 10) {
  return createEmbeddedQueue({
    log: silentLogger,
    policy: TEST_POLICY,
    capacity,
    drainDeadlineMs: 200,
  });
}

test("publish() resolves when the job is settled, not before", async () => {
  const queue = createQueue();
  const events: string[] = [];
  await queue.start();
  const { handle } = recordDeliveries(async ({ attempt }) => {
    events.push(`attempt ${attempt}`);
    if (attempt < 3) throw new Error("not yet");
  });
  await queue.consume({ prefetch: 1, handle });
  await queue.publish(newJob());
  events.push("settled");
  expect(events).toEqual(["attempt 1", "attempt 2", "attempt 3", "settled"]);
  await queue.stop();
});

test("publish() of a job that is still held joins it", async () => {
  const queue = createQueue();
  await queue.start();
  const release = Promise.withResolvers<void>();
  const { deliveries, handle } = recordDeliveries(() => release.promise);
  const job = newJob();
  const both = Promise.all([queue.publish(job), queue.publish(job)]);
  await queue.consume({ prefetch: 2, handle });
  release.resolve();
  await both;
  expect(deliveries).toHaveLength(1);
  await queue.publish(job); // settled before: the consumer is idempotent, not the queue
  expect(deliveries).toHaveLength(2);
  await queue.stop();
});

test("publish() refuses more jobs than the queue may hold", async () => {
  const queue = createQueue(2);
  await queue.start();
  const held = [newJob(), newJob()].map((job) => queue.publish(job));
  await expect(queue.publish(newJob())).rejects.toThrow(QueueFullError);
  await queue.consume({ prefetch: 1, handle: recordDeliveries().handle });
  await Promise.all(held);
  await queue.publish(newJob());
  await queue.stop();
});

test("stop() rejects everything that is not settled, so that it is sent again", async () => {
  const queue = createQueue();
  await queue.start();
  const { attemptsOf, handle } = recordDeliveries(({ queued }) =>
    queued === stuck ? new Promise(() => {}) : Promise.reject(new Error("retried later"))
  );
  const stuck = newJob();
  const retried = newJob();
  const waiting = newJob();
  const settled = Promise.allSettled([retried, stuck, waiting].map((job) => queue.publish(job)));
  await queue.consume({ prefetch: 1, handle });
  await until(() => attemptsOf(stuck.id).length === 1, 2000);
  await queue.stop();
  for (const result of await settled) {
    expect(result).toMatchObject({ status: "rejected", reason: expect.any(QueueStoppedError) });
  }
});

test("consume() takes one consumer", async () => {
  const queue = createQueue();
  const { handle } = recordDeliveries();
  await queue.consume({ prefetch: 1, handle });
  await expect(queue.consume({ prefetch: 1, handle })).rejects.toThrow("has its consumer already");
  await queue.stop();
});
