/**
 * The consuming side of one connection: attempts, retries, dead letters, acknowledgements.
 */
import type { Channel, ConsumeMessage } from "amqplib";
import { type QueuedJob, queuedJobSchema } from "../contracts/jobs.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Publisher } from "./amqp-publisher.ts";
import type { Topology } from "./amqp-topology.ts";
import { type Outcome, type RetryPolicy, runAttempt } from "./attempt.ts";
import type { ConsumeOptions } from "./port.ts";

/** Header with the number of this attempt. The broker's redelivery flag also marks lost workers. */
export const ATTEMPT_HEADER = "x-sluice-attempt";
/** Header of a dead letter: why it died. */
export const REASON_HEADER = "x-sluice-reason";

export type AmqpConsumerOptions = {
  readonly channel: Channel;
  readonly publisher: Publisher;
  readonly topology: Topology;
  readonly policy: RetryPolicy;
  readonly consume: ConsumeOptions;
  readonly log: Logger;
  /** The broker took the consumer away, with its queue for instance. */
  readonly onCancelled: () => void;
};

/** Consumes on one channel until `drain` or the loss of its connection. */
export class AmqpConsumer {
  readonly #options: AmqpConsumerOptions;
  readonly #inHand = new Set<Promise<void>>();
  readonly #ending = new AbortController();
  #tag = "";

  constructor(options: AmqpConsumerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { channel, topology, consume } = this.#options;
    await channel.prefetch(consume.prefetch);
    const { consumerTag } = await channel.consume(topology.jobs, (message) => {
      if (message === null) return this.#options.onCancelled();
      const handled = this.#take(message).finally(() => this.#inHand.delete(handled));
      this.#inHand.add(handled);
    });
    this.#tag = consumerTag;
  }

  /** Takes no more jobs and resolves when those in hand are done. */
  async drain(): Promise<void> {
    await this.#options.channel.cancel(this.#tag);
    await Promise.all(this.#inHand);
  }

  /** Aborts the jobs in hand: the connection they could be acknowledged on is gone. */
  abandon(reason: Error): void {
    this.#ending.abort(reason);
  }

  /** Never rejects: what cannot be acknowledged is delivered again. */
  async #take(message: ConsumeMessage): Promise<void> {
    const { channel, log } = this.#options;
    try {
      const queued = readJob(message);
      if (queued === null) {
        log.error("job.malformed", { bytes: message.content.length });
        await this.#bury(message, "malformed", 0);
      } else {
        const attempt = attemptOf(message);
        await this.#settle(message, attempt, await this.#attempt(queued, attempt));
      }
    } catch (error) {
      log.warn("job.returned", { reason: messageOf(error) });
      if (!this.#ending.signal.aborted) returnToQueue(channel, message);
    }
  }

  #attempt(queued: QueuedJob, attempt: number): Promise<Outcome> {
    const { consume, policy, log } = this.#options;
    return runAttempt({
      queued,
      attempt,
      handle: consume.handle,
      policy,
      stopping: this.#ending.signal,
      log,
    });
  }

  async #settle(message: ConsumeMessage, attempt: number, outcome: Outcome): Promise<void> {
    const { channel, publisher, topology } = this.#options;
    switch (outcome.kind) {
      case "done":
        channel.ack(message);
        return;
      case "retry":
        // First the new message, then the ack: a crash between them runs the job twice, never zero
        // times.
        await publisher.send({
          queue: topology.retry(outcome.delayMs),
          id: String(message.properties.messageId),
          content: message.content,
          headers: { [ATTEMPT_HEADER]: attempt + 1 },
        });
        channel.ack(message);
        return;
      case "dead":
        await this.#bury(message, outcome.reason, attempt);
        return;
      case "interrupted": // goes back with its channel
        return;
    }
  }

  async #bury(message: ConsumeMessage, reason: string, attempt: number): Promise<void> {
    const { channel, publisher, topology } = this.#options;
    await publisher.send({
      queue: topology.dead,
      id: String(message.properties.messageId ?? ""),
      content: message.content,
      headers: { [ATTEMPT_HEADER]: attempt, [REASON_HEADER]: reason.slice(0, 500) },
    });
    channel.ack(message);
  }
}

function readJob(message: ConsumeMessage): QueuedJob | null {
  try {
    return queuedJobSchema.parse(JSON.parse(new TextDecoder().decode(message.content)));
  } catch {
    return null;
  }
}

function attemptOf(message: ConsumeMessage): number {
  const value: unknown = message.properties.headers?.[ATTEMPT_HEADER];
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : 1;
}

function returnToQueue(channel: Channel, message: ConsumeMessage): void {
  try {
    channel.nack(message, false, true);
  } catch {
    // The channel is closed, which returned the message already.
  }
}
