/**
 * The outbox relay: hands committed jobs to the queue and forgets them once they are safe there.
 */
import type { Kysely } from "kysely";
import { claimJobs, releaseJobs, removeJobs, renewClaims } from "#db/outbox.ts";
import type { Database } from "#db/schema.ts";
import type { QueuedJob } from "#shared/contracts/jobs.ts";
import { messageOf } from "#shared/errors.ts";
import type { Service } from "#shared/lifecycle.ts";
import type { Logger } from "#shared/log.ts";
import { type JobQueue, QueueStoppedError } from "#shared/queue/port.ts";
import { sleep, withDeadline, withJitter } from "#shared/retry.ts";

export type RelayOptions = {
  readonly db: Kysely<Database>;
  readonly queue: Pick<JobQueue, "publish" | "isConnected">;
  readonly log: Logger;
  /** Jobs under way at once; 64 by default. */
  readonly maxInFlight?: number;
  /** How long a claim lasts without renewal; 15 s by default. A killed relay's jobs wait for it. */
  readonly leaseMs?: number;
  /** Between two looks when nobody calls `wake`; 1 s by default. */
  readonly pollMs?: number;
};

export interface Relay extends Service {
  /** Looks at the outbox now: call it after a job was committed. */
  wake(): void;
}

const MIN_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 2000;
const STOP_DEADLINE_MS = 5000;

/**
 * A relay; any number may run on one database. Delivery is at least once: a job is removed after
 * `publish` resolved, and comes again when the process dies before that.
 */
export function createRelay(options: RelayOptions): Relay {
  return new OutboxRelay(options);
}

class OutboxRelay implements Relay {
  readonly name = "relay";
  readonly #options: Required<RelayOptions>;
  readonly #inFlight = new Map<string, Promise<void>>();
  #loop: Promise<void> | undefined;
  #stopping = new AbortController();
  #nap: AbortController | undefined;
  #isAwake = false;
  #failuresInARow = 0;

  constructor(options: RelayOptions) {
    this.#options = { maxInFlight: 64, leaseMs: 15_000, pollMs: 1000, ...options };
  }

  start(): Promise<void> {
    this.#stopping = new AbortController();
    this.#loop ??= this.#run();
    return Promise.resolve();
  }

  wake(): void {
    this.#isAwake = true;
    // Not during a backoff: each upload would knock at a broker that is down.
    if (this.#failuresInARow === 0) this.#nap?.abort();
  }

  /** Lets jobs under way finish for a few seconds, then gives them back for another relay. */
  async stop(): Promise<void> {
    if (this.#loop === undefined) return;
    this.#stopping.abort();
    this.#nap?.abort();
    await this.#loop;
    this.#loop = undefined;
    const { db, log } = this.#options;
    try {
      await withDeadline("jobs under way", STOP_DEADLINE_MS, Promise.all(this.#inFlight.values()));
    } catch {
      await releaseJobs(db, [...this.#inFlight.keys()]).catch((error: unknown) => {
        log.warn("outbox.release_failed", { reason: messageOf(error) });
      });
    }
  }

  async #run(): Promise<void> {
    const { leaseMs, log } = this.#options;
    let renewedAt = performance.now();
    while (!this.#stopping.signal.aborted) {
      let hasMore = false;
      try {
        if (performance.now() - renewedAt > leaseMs / 3) {
          await renewClaims(this.#options.db, [...this.#inFlight.keys()], leaseMs);
          renewedAt = performance.now();
        }
        hasMore = await this.#relayBatch();
      } catch (error) {
        log.warn("outbox.unreadable", { reason: messageOf(error) });
        this.#failuresInARow += 1;
      }
      if (!hasMore) await this.#rest();
    }
  }

  /** Starts what there is room for; whether more is likely to be waiting. */
  async #relayBatch(): Promise<boolean> {
    const { db, queue, leaseMs, maxInFlight } = this.#options;
    this.#isAwake = false;
    const room = maxInFlight - this.#inFlight.size;
    if (room <= 0 || !queue.isConnected()) return false;
    // After a failure one job at a time tries the way, until one got through.
    const limit = this.#failuresInARow > 0 ? 1 : room;
    const jobs = await claimJobs(db, { limit, leaseMs });
    for (const job of jobs) {
      this.#inFlight.set(job.id, this.#relayJob(job).finally(() => this.#inFlight.delete(job.id)));
    }
    return jobs.length === room && this.#inFlight.size < maxInFlight;
  }

  async #relayJob(queued: QueuedJob): Promise<void> {
    const { db, queue, log } = this.#options;
    try {
      await queue.publish(queued);
    } catch (error) {
      this.#failuresInARow += 1;
      const level = error instanceof QueueStoppedError ? "debug" : "warn";
      log[level]("job.relay_failed", { jobId: queued.id, reason: messageOf(error) });
      // Best effort: without it the claim runs out by itself.
      await releaseJobs(db, [queued.id]).catch(() => {});
      return;
    }
    this.#failuresInARow = 0;
    try {
      await removeJobs(db, [queued.id]);
      log.debug("job.relayed", { jobId: queued.id });
    } catch (error) {
      // It will be sent again, which its consumer takes for what it is.
      log.warn("job.not_removed", { jobId: queued.id, reason: messageOf(error) });
    }
    this.wake();
  }

  async #rest(): Promise<void> {
    if (this.#stopping.signal.aborted || (this.#isAwake && this.#failuresInARow === 0)) return;
    this.#nap = new AbortController();
    await sleep(withJitter(this.#restMs()), this.#nap.signal).catch(() => {}); // woken
    this.#nap = undefined;
  }

  #restMs(): number {
    if (this.#failuresInARow > 0) {
      return Math.min(MIN_BACKOFF_MS * 2 ** this.#failuresInARow, MAX_BACKOFF_MS);
    }
    // Asking the queue costs nothing; the jobs that piled up go as soon as it is back.
    return this.#options.queue.isConnected() ? this.#options.pollMs : MIN_BACKOFF_MS;
  }
}
