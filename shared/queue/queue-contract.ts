/**
 * What every job queue must do, as one test suite run over both adapters.
 */
import { until } from "#test/helpers/until.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { QueuedJob } from "../contracts/jobs.ts";
import { newId } from "../ids.ts";
import type { RetryPolicy } from "./attempt.ts";
import {
  type ConsumeOptions,
  type Delivery,
  type JobQueue,
  PoisonJobError,
  QueueStoppedError,
} from "./port.ts";

export type QueueFixture = {
  readonly queue: JobQueue;
  /** Ids of the dead letters, in the order in which they died. */
  readonly deadLetters: () => Promise<readonly string[]>;
  readonly remove: () => Promise<void>;
};

/** Short waits, so that the suite is quick; the number of attempts is the real one. */
export const TEST_POLICY: RetryPolicy = { retryDelaysMs: [100, 200], attemptDeadlineMs: 1500 };

/** A job that is like every other but for its id. */
export function newJob(id: string = newId()): QueuedJob {
  return {
    id,
    job: {
      kind: "image",
      imageId: newId(),
      version: 1,
      purpose: "profile-picture",
      sourceKey: "uploads/x",
      targetPrefix: "images/x/1",
    },
  };
}

/** A handler that notes what it gets and does what `behave` says. */
export function recordDeliveries(behave: (delivery: Delivery) => Promise<void> = async () => {}) {
  const deliveries: Delivery[] = [];
  const handle: ConsumeOptions["handle"] = async (delivery) => {
    deliveries.push(delivery);
    await behave(delivery);
  };
  const attemptsOf = (id: string) =>
    deliveries.filter(({ queued }) => queued.id === id).map(({ attempt }) => attempt);
  return { deliveries, handle, attemptsOf };
}

/** Runs the contract over the adapter that `create` makes, a fresh one for each test. */
export function describeQueue(name: string, create: () => Promise<QueueFixture>): void {
  let fixture: QueueFixture;
  let queue: JobQueue;
  beforeEach(async () => {
    fixture = await create();
    queue = fixture.queue;
    await queue.start();
    await until(() => queue.isConnected(), 10_000);
  });
  afterEach(async () => {
    await queue.stop();
    await fixture.remove();
  });

  describe(name, () => {
    test("hands each job to the handler once, unchanged, as the first attempt", async () => {
      const { deliveries, handle } = recordDeliveries();
      await queue.consume({ prefetch: 2, handle });
      const jobs = Array.from({ length: 20 }, () => newJob());
      await Promise.all(jobs.map((job) => queue.publish(job)));
      await until(() => deliveries.length === 20, 5000);
      expect(deliveries.map(({ queued }) => queued)).toEqual(expect.arrayContaining(jobs));
      expect(deliveries.every(({ attempt, isLastAttempt }) => attempt === 1 && !isLastAttempt))
        .toBe(true);
      expect(await fixture.deadLetters()).toEqual([]);
    });

    test("keeps no more jobs in hand than prefetch", async () => {
      let inHand = 0;
      let most = 0;
      const release = Promise.withResolvers<void>();
      const { deliveries, handle } = recordDeliveries(async () => {
        inHand += 1;
        most = Math.max(most, inHand);
        await release.promise;
        inHand -= 1;
      });
      await queue.consume({ prefetch: 3, handle });
      const published = Promise.all(Array.from({ length: 9 }, () => queue.publish(newJob())));
      await until(() => inHand === 3, 5000);
      release.resolve();
      await published;
      await until(() => deliveries.length === 9, 5000);
      expect(most).toBe(3);
    });

    test("takes jobs published before there is a consumer", async () => {
      const job = newJob();
      const published = queue.publish(job);
      const { attemptsOf, handle } = recordDeliveries();
      await queue.consume({ prefetch: 1, handle });
      await published;
      await until(() => attemptsOf(job.id).length === 1, 5000);
    });

    test("retries with backoff and counts the attempts", async () => {
      const job = newJob();
      const times: number[] = [];
      const { attemptsOf, handle } = recordDeliveries(async ({ attempt }) => {
        times.push(Date.now());
        if (attempt < 3) throw new Error("not yet");
      });
      await queue.consume({ prefetch: 1, handle });
      await queue.publish(job);
      await until(() => attemptsOf(job.id).length === 3, 5000);
      expect(attemptsOf(job.id)).toEqual([1, 2, 3]);
      const [first = 0, second = 0, third = 0] = times;
      expect(second - first).toBeGreaterThanOrEqual(75);
      expect(third - second).toBeGreaterThanOrEqual(150);
      expect(await fixture.deadLetters()).toEqual([]);
    });

    test("a poison job fails three times, dies, and others are unaffected", async () => {
      const bad = newJob();
      const others = Array.from({ length: 10 }, () => newJob());
      const { deliveries, attemptsOf, handle } = recordDeliveries(async ({ queued }) => {
        if (queued.id === bad.id) throw new Error("never");
      });
      await queue.consume({ prefetch: 2, handle });
      const published = Promise.all([bad, ...others].map((job) => queue.publish(job)));
      await until(async () => (await fixture.deadLetters()).includes(bad.id), 5000);
      await published;
      expect(attemptsOf(bad.id)).toEqual([1, 2, 3]);
      expect(deliveries.filter(({ queued }) => queued.id === bad.id).map((it) => it.isLastAttempt))
        .toEqual([false, false, true]);
      for (const { id } of others) expect(attemptsOf(id)).toEqual([1]);
      expect(await fixture.deadLetters()).toEqual([bad.id]);
    });

    test("PoisonJobError is dead at once", async () => {
      const job = newJob();
      const { attemptsOf, handle } = recordDeliveries(() =>
        Promise.reject(new PoisonJobError("no image"))
      );
      await queue.consume({ prefetch: 1, handle });
      await queue.publish(job);
      await until(async () => (await fixture.deadLetters()).includes(job.id), 5000);
      expect(attemptsOf(job.id)).toEqual([1]);
    });

    test("an attempt past its deadline is aborted and retried", async () => {
      const job = newJob();
      let reason: unknown;
      const { attemptsOf, handle } = recordDeliveries(async ({ attempt, signal }) => {
        if (attempt > 1) return;
        signal.addEventListener("abort", () => {
          reason = signal.reason;
        });
        await new Promise(() => {});
      });
      await queue.consume({ prefetch: 1, handle });
      await queue.publish(job);
      await until(() => attemptsOf(job.id).length === 2, 8000);
      expect(String(reason)).toContain("1500 ms");
    });

    test("stop() lets the job in hand finish and takes no other", async () => {
      const release = Promise.withResolvers<void>();
      let isFinished = false;
      const { deliveries, handle } = recordDeliveries(async () => {
        await release.promise;
        isFinished = true;
      });
      await queue.consume({ prefetch: 1, handle });
      const published = [newJob(), newJob()].map((job) => queue.publish(job).catch(() => {}));
      await until(() => deliveries.length === 1, 5000);
      const stopped = queue.stop();
      release.resolve();
      await stopped;
      await Promise.all(published);
      expect(isFinished).toBe(true);
      expect(deliveries).toHaveLength(1);
      expect(queue.isConnected()).toBe(false);
      await expect(queue.publish(newJob())).rejects.toThrow(QueueStoppedError);
      await queue.stop();
    });

    test("stop() ends a job that does not, within its deadline", async () => {
      let isAborted = false;
      const { deliveries, handle } = recordDeliveries(async ({ signal }) => {
        signal.addEventListener("abort", () => {
          isAborted = true;
        });
        await new Promise(() => {});
      });
      await queue.consume({ prefetch: 1, handle });
      queue.publish(newJob()).catch(() => {});
      await until(() => deliveries.length === 1, 5000);
      const before = Date.now();
      await queue.stop();
      expect(Date.now() - before).toBeLessThan(1500);
      expect(isAborted).toBe(true);
    });
  });
}
