/**
 * The queue inside this process, for a laptop without a broker. Its memory is the outbox of the
 * database: `publish` resolves when the job is settled, so what was pending at a restart is sent
 * again by the relay.
 */
import type { QueuedJob } from "../contracts/jobs.ts";
import type { Logger } from "../log.ts";
import { sleep, withJitter } from "../retry.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicy, runAttempt } from "./attempt.ts";
import { type ConsumeOptions, type JobQueue, QueueStoppedError } from "./port.ts";

export type EmbeddedQueueOptions = {
  readonly log: Logger;
  /** Jobs held at once, waiting, running and between attempts; more are refused. Default 1000. */
  readonly capacity?: number;
  readonly policy?: RetryPolicy;
  /** How long `stop` waits for jobs in hand. Default 10 s. */
  readonly drainDeadlineMs?: number;
};

/** The embedded queue holds as many jobs as it may: send this one again later. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
}

/** A job queue in this process, for one consumer. A job sent twice while it is held runs once. */
export function createEmbeddedQueue(options: EmbeddedQueueOptions): JobQueue {
  return new EmbeddedQueue(options);
}

type HeldJob = {
  readonly queued: QueuedJob;
  readonly settled: PromiseWithResolvers<void>;
  attempt: number;
};

class EmbeddedQueue implements JobQueue {
  readonly #log: Logger;
  readonly #capacity: number;
  readonly #policy: RetryPolicy;
  readonly #drainDeadlineMs: number;
  readonly #held = new Map<string, HeldJob>();
  readonly #waiting: HeldJob[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #consumer: ConsumeOptions | undefined;
  #state: "new" | "running" | "draining" | "stopped" = "new";

  constructor(options: EmbeddedQueueOptions) {
    this.#log = options.log;
    this.#capacity = options.capacity ?? 1000;
    this.#policy = options.policy ?? DEFAULT_RETRY_POLICY;
    this.#drainDeadlineMs = options.drainDeadlineMs ?? 10_000;
  }

  start(): Promise<void> {
    if (this.#state === "new") this.#state = "running";
    this.#fill();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "draining";
    const inHand = Promise.allSettled(this.#running);
    await Promise.race([inHand, sleep(this.#drainDeadlineMs, this.#stopping.signal)]);
    this.#state = "stopped";
    this.#stopping.abort(new QueueStoppedError("the queue stopped"));
    await Promise.allSettled(this.#running);
    for (const held of this.#held.values()) {
      held.settled.reject(new QueueStoppedError(`job ${held.queued.id} was not settled`));
    }
    this.#held.clear();
    this.#waiting.length = 0;
  }

  publish(queued: QueuedJob): Promise<void> {
    const same = this.#held.get(queued.id);
    if (same !== undefined) return same.settled.promise;
    if (this.#state === "draining" || this.#state === "stopped") {
      return Promise.reject(new QueueStoppedError("the queue stopped"));
    }
    if (this.#held.size >= this.#capacity) {
      return Promise.reject(new QueueFullError(`the queue holds ${this.#capacity} jobs already`));
    }
    const held: HeldJob = { queued, settled: Promise.withResolvers(), attempt: 1 };
    this.#held.set(queued.id, held);
    this.#waiting.push(held);
    this.#fill();
    return held.settled.promise;
  }

  consume(options: ConsumeOptions): Promise<void> {
    if (this.#consumer !== undefined) {
      return Promise.reject(new Error("the embedded queue has its consumer already"));
    }
    this.#consumer = options;
    this.#fill();
    return Promise.resolve();
  }

  isConnected(): boolean {
    return this.#state === "running";
  }

  /** Starts waiting jobs until the consumer has its hands full. */
  #fill(): void {
    const consumer = this.#consumer;
    if (consumer === undefined || this.#state !== "running") return;
    while (this.#running.size < consumer.prefetch) {
      const held = this.#waiting.shift();
      if (held === undefined) return;
      const run = this.#run(held, consumer).finally(() => {
        this.#running.delete(run);
        this.#fill();
      });
      this.#running.add(run);
    }
  }

  async #run(held: HeldJob, consumer: ConsumeOptions): Promise<void> {
    const outcome = await runAttempt({
      queued: held.queued,
      attempt: held.attempt,
      handle: consumer.handle,
      policy: this.#policy,
      stopping: this.#stopping.signal,
      log: this.#log,
    });
    switch (outcome.kind) {
      case "done":
      case "dead": // logged by the attempt; its handler has reported it
        this.#held.delete(held.queued.id);
        held.settled.resolve();
        return;
      case "retry":
        held.attempt += 1;
        void this.#putBack(held, outcome.delayMs);
        return;
      case "interrupted": // rejected by stop() with everything that is still held
        return;
    }
  }

  async #putBack(held: HeldJob, delayMs: number): Promise<void> {
    try {
      await sleep(withJitter(delayMs), this.#stopping.signal);
    } catch {
      return; // stopped: rejected by stop()
    }
    this.#waiting.push(held);
    this.#fill();
  }
}
