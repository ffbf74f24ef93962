/**
 * The queue of each kind of worker, the same for those who send and those who take its jobs.
 */
import { QUEUE_PREFIXES, type Worker } from "../contracts/jobs.ts";
import type { Logger } from "../log.ts";
import { createAmqpQueue } from "./amqp.ts";
import { DEFAULT_RETRY_POLICY, MEDIA_RETRY_POLICY } from "./attempt.ts";
import { createEmbeddedQueue } from "./embedded.ts";
import type { JobQueue } from "./port.ts";

export type WorkerQueueOptions = {
  readonly worker: Worker;
  /** RabbitMQ; undefined: a queue in this process. */
  readonly url: string | undefined;
  readonly log: Logger;
  /** How long `stop` waits for jobs in hand. Default 10 s. */
  readonly drainDeadlineMs?: number;
};

/** A queue for jobs that are for `worker`. */
export function createWorkerQueue({ worker, url, ...rest }: WorkerQueueOptions): JobQueue {
  const policy = worker === "media" ? MEDIA_RETRY_POLICY : DEFAULT_RETRY_POLICY;
  return url === undefined
    ? createEmbeddedQueue({ policy, ...rest })
    : createAmqpQueue({ url, policy, prefix: QUEUE_PREFIXES[worker], ...rest });
}
