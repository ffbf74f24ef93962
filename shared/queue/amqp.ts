/**
 * The queue on RabbitMQ, 3.10 or newer.
 */
import { type ChannelModel, connect, type RecoveringChannelModel } from "amqplib";
import type { QueuedJob } from "../contracts/jobs.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { withDeadline } from "../retry.ts";
import { AmqpConsumer, ATTEMPT_HEADER } from "./amqp-consumer.ts";
import { Publisher, PublishError } from "./amqp-publisher.ts";
import { declareQueues, nameQueues, type Topology } from "./amqp-topology.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from "./attempt.ts";
import { type ConsumeOptions, type JobQueue, QueueStoppedError } from "./port.ts";

export type AmqpQueueOptions = {
  readonly url: string;
  readonly log: Logger;
  /** First part of all queue names. Default `sluice`. */
  readonly prefix?: string;
  readonly policy?: RetryPolicy;
  /** How long `publish` waits for the broker's confirm. Default 5 s. */
  readonly confirmDeadlineMs?: number;
  /** How long `stop` waits for jobs in hand. Default 10 s. */
  readonly drainDeadlineMs?: number;
};

/** amqplib notices silence after two to three of these: a frozen broker after 8–12 s. */
const HEARTBEAT_S = 4;
const CONNECT_DEADLINE_MS = 5000;
const CLOSE_DEADLINE_MS = 3000;
const RECOVERY = { initialDelay: 100, maxDelay: 3000, factor: 2, jitter: 0.2 };

/**
 * A job queue on RabbitMQ. Reconnects by itself and declares its queues on every connection, so the
 * broker may be down at the start or lose everything. Each job is delivered at least once: a lost
 * confirm or acknowledgement makes a duplicate.
 */
export function createAmqpQueue(options: AmqpQueueOptions): JobQueue {
  return new AmqpQueue(options);
}

/** What lives and dies with one connection. */
type Session = {
  readonly model: ChannelModel;
  readonly publisher: Publisher;
  consumer: AmqpConsumer | undefined;
};

class AmqpQueue implements JobQueue {
  readonly #url: string;
  readonly #log: Logger;
  readonly #topology: Topology;
  readonly #policy: RetryPolicy;
  readonly #confirmDeadlineMs: number;
  readonly #drainDeadlineMs: number;
  #connection: RecoveringChannelModel | undefined;
  #session: Session | undefined;
  #consume: ConsumeOptions | undefined;
  #isStopped = false;
  #isBlocked = false;
  #isDown = false;

  constructor(options: AmqpQueueOptions) {
    const url = new URL(options.url);
    url.searchParams.set("heartbeat", String(HEARTBEAT_S));
    this.#url = url.href;
    this.#log = options.log;
    this.#topology = nameQueues(options.prefix ?? "sluice");
    this.#policy = options.policy ?? DEFAULT_RETRY_POLICY;
    this.#confirmDeadlineMs = options.confirmDeadlineMs ?? 5000;
    this.#drainDeadlineMs = options.drainDeadlineMs ?? 10_000;
  }

  async start(): Promise<void> {
    if (this.#connection !== undefined || this.#isStopped) return;
    const connection = await connect(this.#url, {
      timeout: CONNECT_DEADLINE_MS,
      noDelay: true,
      recovery: {
        ...RECOVERY,
        waitForConnect: false,
        setup: (model: ChannelModel) => this.#setUp(model),
      },
    });
    this.#connection = connection;
    connection.on("connect-failed", (error) => this.#noteDown(error));
    connection.on("error", (error) => this.#noteDown(error));
    connection.on("blocked", (reason) => {
      this.#isBlocked = true;
      this.#log.warn("queue.blocked", { reason });
    });
    connection.on("unblocked", () => {
      this.#isBlocked = false;
      this.#log.info("queue.unblocked");
    });
    await this.#waitBriefly(connection);
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const consumer = this.#session?.consumer;
    if (consumer !== undefined) {
      await withDeadline("draining", this.#drainDeadlineMs, consumer.drain())
        .catch((error: unknown) => this.#log.warn("queue.cut", { reason: messageOf(error) }));
      consumer.abandon(new Error("the queue stopped"));
    }
    this.#session = undefined;
    // A frozen broker does not answer the closing either.
    await withDeadline("closing", CLOSE_DEADLINE_MS, this.#connection?.close() ?? Promise.resolve())
      .catch((error: unknown) => this.#log.warn("queue.cut", { reason: messageOf(error) }));
  }

  async publish(queued: QueuedJob): Promise<void> {
    const publisher = this.#session?.publisher;
    if (this.#isStopped) throw new QueueStoppedError("the queue stopped");
    if (publisher === undefined) {
      throw new PublishError(`job ${queued.id} was not sent: there is no connection to the broker`);
    }
    await publisher.send({
      queue: this.#topology.jobs,
      id: queued.id,
      content: new TextEncoder().encode(JSON.stringify(queued)),
      headers: { [ATTEMPT_HEADER]: 1 },
    });
  }

  async consume(options: ConsumeOptions): Promise<void> {
    if (this.#consume !== undefined) throw new Error("the queue has its consumer already");
    this.#consume = options;
    if (this.#session !== undefined) await this.#startConsumer(this.#session);
  }

  isConnected(): boolean {
    return this.#session !== undefined && !this.#isBlocked && !this.#isStopped;
  }

  /** A broker that is up is connected when `start` returns; one that is down holds nobody up. */
  async #waitBriefly(connection: RecoveringChannelModel): Promise<void> {
    const first = Promise.race([
      connection.waitForConnect().then(() => {}, () => {}),
      new Promise<void>((resolve) => connection.once("connect-failed", () => resolve())),
    ]);
    await withDeadline("connecting", 2 * CONNECT_DEADLINE_MS, first).catch(() => {});
  }

  /** Runs on every new connection, before it counts as one. */
  async #setUp(model: ChannelModel): Promise<void> {
    // Without a listener an error before the end of the set-up would end the process.
    model.on("error", (error) => this.#noteDown(error));
    const channel = await model.createConfirmChannel();
    const reset = this.#resetOnce(model);
    channel.on("error", (error) => this.#noteDown(error));
    channel.on("close", reset);
    await declareQueues(channel, this.#topology, this.#policy.retryDelaysMs);
    const publisher = new Publisher(channel, this.#confirmDeadlineMs);
    const session: Session = { model, publisher, consumer: undefined };
    model.on("close", () => this.#lose(session));
    if (this.#consume !== undefined) await this.#startConsumer(session);
    this.#session = session;
    this.#isBlocked = false;
    this.#isDown = false;
    this.#log.info("queue.connected", { queue: this.#topology.jobs });
  }

  async #startConsumer(session: Session): Promise<void> {
    const consume = this.#consume;
    if (consume === undefined || session.consumer !== undefined) return;
    const channel = await session.model.createChannel();
    const reset = this.#resetOnce(session.model);
    channel.on("error", (error) => this.#noteDown(error));
    channel.on("close", reset);
    session.consumer = new AmqpConsumer({
      channel,
      publisher: session.publisher,
      topology: this.#topology,
      policy: this.#policy,
      consume,
      log: this.#log,
      onCancelled: reset,
    });
    await session.consumer.start();
  }

  /** Closes a connection with a dead channel, so that recovery builds everything anew. */
  #resetOnce(model: ChannelModel): () => void {
    let isReset = false;
    return () => {
      if (isReset || this.#isStopped) return;
      isReset = true;
      // Rejects when the connection closed by itself, which is where this wants to go.
      model.close().catch(() => {});
    };
  }

  #lose(session: Session): void {
    session.consumer?.abandon(new Error("the connection to the broker is lost"));
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#noteDown(new Error("the connection closed"));
  }

  #noteDown(error: unknown): void {
    if (this.#isDown || this.#isStopped) return;
    this.#isDown = true;
    this.#log.warn("queue.disconnected", { reason: messageOf(error) });
  }
}
