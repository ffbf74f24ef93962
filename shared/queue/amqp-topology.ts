/**
 * Queues on the broker. All are quorum queues, so all survive the loss of a broker and its disk
 * cache; RabbitMQ 3.10 is the oldest that gives those a time to live and at-least-once dead letters.
 *
 * ```
 * publish → <prefix>.jobs → consumer ─failed→ <prefix>.retry.<ms> ─expired→ <prefix>.jobs
 *                                    └─dead→ <prefix>.dead
 * ```
 */
import type { Channel, Options } from "amqplib";

export type Topology = {
  readonly jobs: string;
  readonly dead: string;
  /** The queue a job waits in for `delayMs`. */
  readonly retry: (delayMs: number) => string;
};

/**
 * A job that kills its worker comes back without an attempt having failed. The broker counts those
 * returns; high enough for a rolling restart, low enough that such a job does not run for ever.
 */
const MAX_RETURNS = 50;
/** The oldest dead letters make room for new ones. */
const MAX_DEAD_LETTERS = 100_000;

/** The queue names under `prefix`. */
export function nameQueues(prefix: string): Topology {
  return {
    jobs: `${prefix}.jobs`,
    dead: `${prefix}.dead`,
    retry: (delayMs) => `${prefix}.retry.${delayMs}`,
  };
}

/** Declares every queue; idempotent. */
export async function declareQueues(
  channel: Channel,
  topology: Topology,
  retryDelaysMs: readonly number[],
): Promise<void> {
  await declare(channel, topology.dead, { "x-max-length": MAX_DEAD_LETTERS });
  await declare(channel, topology.jobs, {
    ...deadLettersTo(topology.dead),
    "x-delivery-limit": MAX_RETURNS,
  });
  for (const delayMs of new Set(retryDelaysMs)) {
    await declare(channel, topology.retry(delayMs), {
      ...deadLettersTo(topology.jobs),
      "x-message-ttl": delayMs,
    });
  }
}

function deadLettersTo(queue: string): Record<string, unknown> {
  return {
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": queue,
    // Moved with a confirm of its own; the broker demands this overflow behaviour for it.
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
  };
}

async function declare(
  channel: Channel,
  queue: string,
  args: Record<string, unknown>,
): Promise<void> {
  const options: Options.AssertQueue = {
    durable: true,
    arguments: { "x-queue-type": "quorum", ...args },
  };
  await channel.assertQueue(queue, options);
}
