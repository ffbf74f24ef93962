/**
 * One TCP connection from its first byte to its last: asks who may publish, hands the tags of an
 * accepted publisher on, and ends for exactly one reason.
 */
import type { Socket } from "node:net";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { addressGroup } from "../admission/address.ts";
import type { TableEntry } from "../admission/connection-table.ts";
import type { IngestLimits } from "../admission/limits.ts";
import { type PublishGate, refusal } from "../admission/publish-gate.ts";
import { RateBudget } from "../admission/rate-budget.ts";
import type {
  KickReason,
  PublishDecision,
  Publisher,
  PublisherEnd,
  PublisherSink,
} from "../port.ts";
import { RtmpProtocolError } from "./messages.ts";
import { readPublishTarget } from "./publish-target.ts";
import { type PublishAttempt, RtmpConnection } from "./rtmp-connection.ts";

export type SessionOptions = {
  readonly socket: Socket;
  readonly app: string;
  readonly limits: IngestLimits;
  readonly gate: PublishGate;
  readonly log: Logger;
  /** The socket is gone and the sink was told. */
  readonly onGone: (session: PublisherSession) => void;
};

type Refusal = Extract<PublishDecision, { isAccepted: false }>;

const LIMIT_SPAN_MS = 10_000;
const MAX_APP_CHARS = 32;
const FAILED = "NetStream.Publish.Failed";
/** Answers a far side does not read: nobody who publishes leaves this much. */
const MAX_UNREAD_OUTPUT_BYTES = 256 * 1024;
/** Of what was read at once, so that a flood of the smallest messages is noticed before its end. */
const BYTES_BETWEEN_CHECKS = 16 * 1024;
/** Until then what a publisher sent while it was held back has been read. */
const UNREAD_AFTER_PAUSE_MS = 1000;

export class PublisherSession implements Publisher, TableEntry {
  readonly id: string = crypto.randomUUID();
  readonly remoteAddress: string;
  readonly addressGroup: string;
  readonly #options: SessionOptions;
  readonly #socket: Socket;
  readonly #connection: RtmpConnection;
  readonly #openedAtMs = performance.now();
  readonly #byteBudget: RateBudget;
  readonly #messageBudget: RateBudget;
  #log: Logger;
  #sink: PublisherSink | null = null;
  #lastByteAtMs = this.#openedAtMs;
  #liveSinceMs: number | null = null;
  #isPaused = false;
  #resumedAtMs = -Infinity;
  #isGone = false;

  constructor(options: SessionOptions) {
    const { socket, limits } = options;
    this.#options = options;
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress ?? "unknown";
    this.addressGroup = addressGroup(this.remoteAddress);
    this.#log = options.log.with({ publisherId: this.id, remoteAddress: this.remoteAddress });
    this.#byteBudget = new RateBudget(limits.maxBitrateBps / 8, LIMIT_SPAN_MS, this.#openedAtMs);
    this.#messageBudget = new RateBudget(
      limits.maxMessagesPerSecond,
      LIMIT_SPAN_MS,
      this.#openedAtMs,
    );
    this.#connection = new RtmpConnection({
      onOutput: (bytes) => this.#write(bytes),
      onPublish: (attempt) => void this.#authorise(attempt),
      onTag: (tag) => this.#sink?.onTag(tag),
      onStop: () => this.#end({ cause: "stopped" }),
      onPlay: () => this.#closeAfterAnswer("asked to play"),
      onIgnored: (what) => this.#noteIgnored(what),
    });
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    socket.on("error", (error) => this.#lose(error.message));
    socket.on("close", () => this.#lose("the connection closed"));
    socket.on("end", () => this.#lose("the connection closed"));
  }

  get lastByteAtMs(): number {
    return this.#lastByteAtMs;
  }

  get isPending(): boolean {
    return this.#liveSinceMs === null;
  }

  get isAuthorising(): boolean {
    return this.#connection.phase === "authorising";
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#resumedAtMs = performance.now();
    this.#lastByteAtMs = this.#resumedAtMs; // it could not speak while we did not listen
    this.#socket.resume();
  }

  kick(reason?: KickReason): void {
    if (reason === undefined) this.#end({ cause: "kicked" });
    else this.#end({ cause: "kicked", detail: reason.sentence }, reason);
  }

  evict(reason: string): void {
    this.#lose(reason);
  }

  /** Ends the session when one of its deadlines has passed. */
  enforceDeadlines(nowMs: number): void {
    const { limits } = this.#options;
    const { phase } = this.#connection;
    if (phase === "handshake" || phase === "commands") {
      if (nowMs - this.#openedAtMs > limits.publishDeadlineMs) {
        this.#lose("did not publish in time");
      }
    } else if (phase === "live" && this.#liveSinceMs !== null) {
      if (nowMs - this.#liveSinceMs > limits.maxDurationMs) {
        this.#endByLimit(`longer than ${limits.maxDurationMs / 1000} s`);
      } else if (!this.#isPaused && nowMs - this.#lastByteAtMs > limits.idleMs) {
        this.#lose(`silent for ${limits.idleMs / 1000} s`);
      } else this.#acknowledge(nowMs);
    }
  }

  #receive(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += BYTES_BETWEEN_CHECKS) {
      this.#read(bytes.subarray(at, at + BYTES_BETWEEN_CHECKS));
    }
  }

  #read(bytes: Buffer): void {
    if (this.#isGone) return this.#readLate(bytes);
    const nowMs = performance.now();
    this.#lastByteAtMs = nowMs;
    const messagesBefore = this.#connection.receivedMessages;
    try {
      this.#connection.feed(bytes);
    } catch (error) {
      return this.#loseByError(error);
    }
    if (this.#liveSinceMs === null) return;
    this.#acknowledge(nowMs);
    const messages = this.#connection.receivedMessages - messagesBefore;
    const isInBudget = this.#byteBudget.spend(bytes.length, nowMs) &&
      this.#messageBudget.spend(messages, nowMs);
    if (!isInBudget) this.#endByLimit(this.#describeRateLimit());
  }

  /** What it says between its farewell, or ours, and the end of the connection. */
  #readLate(bytes: Buffer): void {
    try {
      this.#connection.feed(bytes);
    } catch {
      this.#socket.destroy(); // nothing was to come any more
    }
  }

  /**
   * One that was held back may have closed behind what we have not read: an answer would be met with
   * a reset, and that with what it sent lost.
   */
  #acknowledge(nowMs: number): void {
    const isHeldBack = this.#isPaused || nowMs - this.#resumedAtMs < UNREAD_AFTER_PAUSE_MS;
    if (!isHeldBack && !this.#isGone) this.#connection.acknowledge();
  }

  #describeRateLimit(): string {
    const { maxBitrateBps, maxMessagesPerSecond } = this.#options.limits;
    return `more than ${maxBitrateBps / 1e6} Mbit/s or ${maxMessagesPerSecond} messages a second`;
  }

  async #authorise(attempt: PublishAttempt): Promise<void> {
    this.pause();
    const decision = await this.#decide(attempt);
    if (this.#isGone) {
      if (decision.isAccepted) {
        decision.sink.onEnd({ cause: "lost", detail: "the connection closed before the start" });
      }
      return;
    }
    if (decision.isAccepted) this.#start(decision.sink);
    else this.#refuse(decision);
  }

  #decide(
    { appPath, streamName, encoder }: PublishAttempt,
  ): PublishDecision | Promise<PublishDecision> {
    const { app, gate } = this.#options;
    const target = readPublishTarget(appPath, streamName);
    if (target.app !== app) return refusal("Denied", wrongApp(target.app, app));
    const { streamKey } = target;
    this.#log = this.#log.with({ streamKey });
    const { id: publisherId, remoteAddress } = this;
    return gate.decide({ publisherId, streamKey, remoteAddress, encoder }, this.#log);
  }

  #start(sink: PublisherSink): void {
    this.#sink = sink;
    this.#liveSinceMs = performance.now();
    this.#log.info("publisher.accepted");
    this.resume();
    this.#connection.accept();
    if (this.#isGone) return;
    try {
      sink.onStart(this);
      this.#connection.resume();
    } catch (error) {
      this.#loseByError(error);
    }
  }

  #refuse({ code, reason }: Refusal): void {
    this.#log.info("publisher.refused", { code, reason });
    this.#connection.refuse(`NetStream.Publish.${code}`, reason);
    this.#closeAfterAnswer(reason);
  }

  /** Lets the far side read our answer, then cuts. */
  #closeAfterAnswer(reason: string): void {
    this.#endWriting(() => this.#lose(reason));
  }

  /** Ends our side; what the far side sends until it has closed or is late is dropped. */
  #endWriting(onLate: () => void): void {
    this.#socket.end();
    this.#socket.resume();
    this.#whenLate(onLate);
  }

  /** The far side has not closed within a bound. */
  #whenLate(onLate: () => void): void {
    const timer = setTimeout(onLate, this.#options.limits.closingMs);
    this.#socket.once("close", () => clearTimeout(timer));
  }

  #write(bytes: Uint8Array): void {
    if (this.#socket.destroyed || !this.#socket.writable) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > MAX_UNREAD_OUTPUT_BYTES) this.#lose("does not read answers");
  }

  #noteIgnored(what: string): void {
    // A stranger writes no lines into the log.
    if (this.#liveSinceMs !== null) this.#log.info("publisher.message_ignored", { what });
    else this.#log.debug("connection.message_ignored", { what });
  }

  #loseByError(error: unknown): void {
    const detail = messageOf(error);
    // A protocol error is the far side's; anything else is a bug of ours that ends only this one.
    if (error instanceof RtmpProtocolError) {
      return this.#end({ cause: "lost", detail }, { sentence: error.sentence });
    }
    this.#log.error("publisher.failed", { error });
    this.#lose(detail);
  }

  #lose(detail: string): void {
    this.#end({ cause: "lost", detail });
  }

  #endByLimit(detail: string): void {
    this.#end({ cause: "limit", detail }, { sentence: `The broadcast was cut: ${detail}.` });
  }

  /** `reason`: what a publisher is told before it is cut. */
  #end(end: PublisherEnd, reason?: KickReason): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const isLive = this.#liveSinceMs !== null;
    if (end.cause === "stopped") this.#awaitClose();
    else if (isLive && reason !== undefined) this.#dismiss(reason);
    else this.#destroy();
    if (isLive) this.#log.info("publisher.ended", { ...end });
    else this.#log.debug("connection.closed", { ...end });
    this.#sink?.onEnd(end);
    this.#options.onGone(this);
  }

  /** Who says goodbye closes first: encoders call an end that comes before theirs an error. */
  #awaitClose(): void {
    this.#socket.resume();
    this.#whenLate(() => this.#endWriting(() => this.#destroy()));
  }

  #dismiss({ code = FAILED, sentence }: KickReason): void {
    this.#connection.refuse(code, sentence);
    // What it still sends is read and dropped: a reset would take our words from it.
    this.#endWriting(() => this.#socket.destroy());
  }

  #destroy(): void {
    this.#connection.close();
    this.#socket.destroy();
  }
}

function wrongApp(app: string, expected: string): string {
  const shown = app.slice(0, MAX_APP_CHARS);
  return `There is no application "${shown}" here: publish to rtmp://…/${expected}.`;
}
