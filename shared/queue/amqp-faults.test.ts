/**
 * The queue against a broker that is down, killed and frozen for real.
 */
import { type Broker, startRabbitMq } from "#test/helpers/rabbitmq.ts";
import { until } from "#test/helpers/until.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { QueuedJob } from "../contracts/jobs.ts";
import { silentLogger } from "../log.ts";
import { createAmqpQueue } from "./amqp.ts";
import type { JobQueue } from "./port.ts";
import { newJob, recordDeliveries } from "./queue-contract.ts";

const JOBS_PER_TICK = 5;
const TICK_MS = 50; // 100 jobs a second
// The first one while nothing is connected yet. Each costs a start of the broker, 9 s.
const KILLS = 2;

let broker: Broker;
beforeAll(async () => {
  broker = await startRabbitMq();
}, 60_000);
afterAll(() => broker?.stop());

/** Publishes at a steady rate until stopped; sends again what was not confirmed, like the relay. */
function startLoad(queue: JobQueue) {
  const pending = new Set<QueuedJob>();
  const sent: string[] = [];
  const resent = new Set<string>();
  let isFresh = true;
  const send = async (job: QueuedJob): Promise<void> => {
    try {
      await queue.publish(job);
      pending.delete(job);
      sent.push(job.id);
    } catch {
      resent.add(job.id);
      setTimeout(() => void send(job), 200);
    }
  };
  const timer = setInterval(() => {
    for (let count = 0; isFresh && count < JOBS_PER_TICK; count += 1) {
      const job = newJob();
      pending.add(job);
      void send(job);
    }
  }, TICK_MS);
  return {
    sent,
    pending,
    resent,
    stop: () => {
      isFresh = false;
      clearInterval(timer);
    },
  };
}

describe("RabbitMQ queue under faults", () => {
  let queue: JobQueue;
  beforeEach(() => {
    queue = createAmqpQueue({ url: broker.url, log: silentLogger, confirmDeadlineMs: 2000 });
  });
  afterEach(() => queue.stop());

  test("starts while the broker is down; killed again at 100 jobs/s it loses none", async ({
    annotate,
  }) => {
    await broker.kill();
    const before = Date.now();
    await queue.start();
    // It did not wait for the broker, which takes 9 s to start.
    expect(Date.now() - before).toBeLessThan(5000);
    expect(queue.isConnected()).toBe(false);
    await expect(queue.publish(newJob())).rejects.toThrow("no connection to the broker");

    const handled = new Map<string, number>();
    const { handle } = recordDeliveries(({ queued }) => {
      handled.set(queued.id, (handled.get(queued.id) ?? 0) + 1);
      return Promise.resolve();
    });
    await queue.consume({ prefetch: 20, handle });
    const load = startLoad(queue);

    await broker.restart();
    // Drained within 5 s of its return.
    await until(() => queue.isConnected() && handled.size > 0, 5000);
    for (let kills = 1; kills < KILLS; kills += 1) {
      const size = handled.size;
      await until(() => handled.size > size + 100, 10_000);
      await broker.kill();
      await until(() => !queue.isConnected(), 3000);
      await broker.restart();
      await until(() => queue.isConnected(), 5000);
    }
    load.stop();
    await until(() => load.pending.size === 0, 10_000);
    await until(() => load.sent.every((id) => handled.has(id)), 10_000);

    const sent = new Set(load.sent);
    const report = {
      sent: sent.size,
      lost: load.sent.filter((id) => !handled.has(id)).length,
      recovered: load.resent.size,
      unexpected: [...handled.keys()].filter((id) => !sent.has(id)).length,
      duplicated: [...handled.values()].filter((times) => times > 1).length,
    };
    await annotate(JSON.stringify(report));
    expect(report).toMatchObject({ lost: 0, unexpected: 0 });
    expect(report.sent).toBeGreaterThan(1000);
  }, 120_000);

  test("a frozen broker is noticed within 15 s, and used again when it thaws", async () => {
    await queue.start();
    const { attemptsOf, handle } = recordDeliveries();
    await queue.consume({ prefetch: 1, handle });
    const job = newJob();
    await queue.publish(job);
    await until(() => attemptsOf(job.id).length === 1, 5000);

    await broker.pause();
    const before = Date.now();
    await expect(queue.publish(newJob())).rejects.toThrow("was not confirmed");
    // The deadline is 2 s; the connection itself is given up much later.
    expect(Date.now() - before).toBeLessThan(6000);
    await until(() => !queue.isConnected(), 15_000);
    broker.resume();
    await until(() => queue.isConnected(), 10_000);
    const later = newJob();
    await queue.publish(later);
    await until(() => attemptsOf(later.id).length > 0, 5000);
  }, 60_000);

  test("stop() does not wait for a frozen broker", async () => {
    await queue.start();
    await broker.pause();
    const before = Date.now();
    await queue.stop();
    broker.resume();
    expect(Date.now() - before).toBeLessThan(4000);
  }, 20_000);
});
