/**
 * The queue port: at-least-once delivery of jobs, with retries and a dead letter.
 * Adapters: `amqp.ts` (RabbitMQ) and `embedded.ts` (in this process).
 */
import type { QueuedJob } from "../contracts/jobs.ts";

export type Delivery = {
  readonly queued: QueuedJob;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly isLastAttempt: boolean;
  /** Aborted when the queue stops or the attempt's deadline has passed. */
  readonly signal: AbortSignal;
};

/** Thrown by a handler: this job can never succeed, so it goes to the dead letter at once. */
export class PoisonJobError extends Error {
  override readonly name = "PoisonJobError";
}

/** Nothing is wrong: the queue stopped before the job was safe. Send it again after the restart. */
export class QueueStoppedError extends Error {
  override readonly name = "QueueStoppedError";
}

export type ConsumeOptions = {
  /** Jobs in hand at once. */
  readonly prefetch: number;
  /** Resolves: done (ack). Rejects: retried with backoff, then the dead letter. */
  readonly handle: (delivery: Delivery) => Promise<void>;
};

export interface JobQueue {
  /** Connects; resolves even when the broker is down and goes on trying in the background. */
  start(): Promise<void>;
  /** Stops consuming, lets jobs in hand finish (bounded), closes. */
  stop(): Promise<void>;
  /**
   * Resolves once the job is safe: confirmed by the broker; for the embedded queue, settled by its
   * handler, since this process is all the memory it has. Rejects when that is not known in time,
   * and the caller sends it again.
   * @throws QueueStoppedError after `stop`
   */
  publish(queued: QueuedJob): Promise<void>;
  consume(options: ConsumeOptions): Promise<void>;
  /** Whether jobs flow right now, for `/readyz`. */
  isConnected(): boolean;
}
