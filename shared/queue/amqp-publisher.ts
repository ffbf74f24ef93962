/**
 * Publishing with a confirm and a deadline of our own: a confirm can be lost with its connection.
 */
import { Buffer } from "node:buffer";
import type { ConfirmChannel, Message } from "amqplib";
import { withDeadline } from "../retry.ts";

/** The broker did not take the message, or did not say so in time: send it again. */
export class PublishError extends Error {
  override readonly name = "PublishError";
}

export type Outgoing = {
  readonly queue: string;
  readonly id: string;
  readonly content: Uint8Array;
  readonly headers: Readonly<Record<string, unknown>>;
};

/** A confirm channel that knows which messages it waits for. */
export class Publisher {
  readonly #channel: ConfirmChannel;
  readonly #deadlineMs: number;
  readonly #unroutable = new Map<string, (error: Error) => void>();
  #sent = 0;

  constructor(channel: ConfirmChannel, deadlineMs: number) {
    this.#channel = channel;
    this.#deadlineMs = deadlineMs;
    channel.on("return", (message: Message) => {
      this.#unroutable.get(String(message.properties.correlationId))?.(
        new PublishError(`there is no queue ${message.fields.routingKey}`),
      );
    });
  }

  /** Resolves when the broker has the message on disk. @throws PublishError */
  async send(outgoing: Outgoing): Promise<void> {
    this.#sent += 1;
    const correlationId = String(this.#sent);
    const confirmed = new Promise<void>((resolve, reject) => {
      // `mandatory`: without it a message to a missing queue is confirmed and dropped. It comes back
      // before its confirm.
      this.#unroutable.set(correlationId, reject);
      const options = {
        messageId: outgoing.id,
        correlationId,
        persistent: true,
        mandatory: true,
        contentType: "application/json",
        headers: { ...outgoing.headers },
      };
      this.#channel.sendToQueue(
        outgoing.queue,
        Buffer.from(outgoing.content),
        options,
        (error: unknown) => error == null ? resolve() : reject(error),
      );
    });
    try {
      await withDeadline("the broker's confirm", this.#deadlineMs, confirmed);
    } catch (error) {
      throw new PublishError(`job ${outgoing.id} was not confirmed`, { cause: error });
    } finally {
      this.#unroutable.delete(correlationId);
    }
  }
}
