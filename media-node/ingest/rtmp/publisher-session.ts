/**
 * One TCP connection from its first byte to its last: asks who may publish, hands the tags of an
 * accepted publisher on, and ends for exactly one reason.
 */
import type { Socket } from "node:net";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { withDeadline } from "#shared/retry.ts";
import { addressGroup } from "../admission/address.ts";
import type { TableEntry } from "../admission/connection-table.ts";
import type { KnockMemory } from "../admission/knock-memory.ts";
import type { IngestLimits } from "../admission/limits.ts";
import type {
  PublishDecision,
  Publisher,
  PublisherEnd,
  PublisherSink,
  PublishHandler,
} from "../port.ts";
import { readPublishTarget } from "./publish-target.ts";
import { RateBudget } from "../admission/rate-budget.ts";
import { RtmpProtocolError } from "./guarded-rtmp.ts";
import { type PublishAttempt, RtmpConnection } from "./rtmp-connection.ts";

export type SessionOptions = {
  readonly socket: Socket;
  readonly app: string;
  readonly limits: IngestLimits;
  readonly onPublish: PublishHandler;
  readonly knocks: KnockMemory;
  readonly log: Logger;
  /** The socket is gone and the sink was told. */
  readonly onGone: (session: PublisherSession) => void;
};

type Refusal = Extract<PublishDecision, { isAccepted: false }>;

const LIMIT_SPAN_MS = 10_000;
const MAX_KEY_CHARS = 256;
const MAX_APP_CHARS = 32;
/** Answers a far side does not read: nobody who publishes leaves this much. */
const MAX_UNREAD_OUTPUT_BYTES = 256 * 1024;
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

  kick(): void {
    this.#end({ cause: "kicked" });
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
        this.#end({ cause: "limit", detail: `longer than ${limits.maxDurationMs / 1000} s` });
      } else if (!this.#isPaused && nowMs - this.#lastByteAtMs > limits.idleMs) {
        this.#lose(`silent for ${limits.idleMs / 1000} s`);
      } else this.#acknowledge(nowMs);
    }
  }

  #receive(bytes: Buffer): void {
    if (this.#isGone) return;
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
    if (!isInBudget) this.#end({ cause: "limit", detail: this.#describeRateLimit() });
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

  /** Never throws: what cannot be decided is refused. */
  async #decide(attempt: PublishAttempt): Promise<PublishDecision> {
    const { app, limits, knocks, onPublish } = this.#options;
    const target = readPublishTarget(attempt.appPath, attempt.streamName);
    if (target.app !== app) return refusal("Denied", wrongApp(target.app, app));
    const { streamKey } = target;
    if (streamKey === "") return refusal("BadName", "The stream key is missing.");
    if (streamKey.length > MAX_KEY_CHARS) return refusal("BadName", "The stream key is too long.");
    this.#log = this.#log.with({ streamKey });
    const knock = knocks.judge(streamKey, this.addressGroup, performance.now());
    if (knock.verdict === "bad_key") return refusal("BadName", knock.reason);
    if (knock.verdict === "too_many") {
      return refusal("Denied", "Too many wrong stream keys from this address: wait a minute.");
    }
    try {
      const request = {
        publisherId: this.id,
        streamKey,
        remoteAddress: this.remoteAddress,
        encoder: attempt.encoder,
      };
      const asked = onPublish(request);
      const decision = await withDeadline("authorise", limits.authoriseDeadlineMs, asked)
        .catch((error: unknown) => {
          // Too late to be told: an acceptance that still comes has nobody to serve.
          asked.then((late) => this.#discard(late), () => {});
          throw error;
        });
      this.#remember(decision, streamKey);
      return decision;
    } catch (error) {
      this.#log.error("publisher.authorise_failed", { error });
      return refusal("Denied", "The stream key could not be checked: try again in a moment.");
    }
  }

  #discard(late: PublishDecision): void {
    if (late.isAccepted) late.sink.onEnd({ cause: "lost", detail: "accepted after the deadline" });
  }

  #remember(decision: PublishDecision, streamKey: string): void {
    const { knocks } = this.#options;
    if (decision.isAccepted) knocks.rememberGood(streamKey);
    else if (decision.isKeyBad === true) {
      knocks.rememberBad(streamKey, this.addressGroup, decision.reason, performance.now());
    }
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
    this.#connection.refuse(code, reason);
    this.#closeAfterAnswer(reason);
  }

  /** Lets the far side read our answer, then cuts. */
  #closeAfterAnswer(reason: string): void {
    this.#endWriting(() => this.#lose(reason));
  }

  /** `onLate`: the far side has not closed within a bound. What it sends until then is dropped. */
  #endWriting(onLate: () => void): void {
    this.#socket.end();
    this.#socket.resume();
    const timer = setTimeout(onLate, this.#options.limits.closingMs);
    this.#socket.once("close", () => clearTimeout(timer));
  }

  #write(bytes: Uint8Array): void {
    if (this.#socket.destroyed || !this.#socket.writable) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > MAX_UNREAD_OUTPUT_BYTES) this.#lose("does not read answers");
  }

  #loseByError(error: unknown): void {
    // A protocol error is the far side's; anything else is a bug of ours that ends only this one.
    if (!(error instanceof RtmpProtocolError)) this.#log.error("publisher.failed", { error });
    this.#lose(messageOf(error));
  }

  #lose(detail: string): void {
    this.#end({ cause: "lost", detail });
  }

  #end(end: PublisherEnd): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#connection.close();
    // One that says it stops says more before it closes: ffmpeg calls a reset there an error.
    if (end.cause === "stopped") this.#endWriting(() => this.#socket.destroy());
    else this.#socket.destroy();
    if (this.#liveSinceMs === null) this.#log.debug("connection.closed", { ...end });
    else this.#log.info("publisher.ended", { ...end });
    this.#sink?.onEnd(end);
    this.#options.onGone(this);
  }
}

function refusal(code: Refusal["code"], reason: string): Refusal {
  return { isAccepted: false, code, reason };
}

function wrongApp(app: string, expected: string): string {
  const shown = app.slice(0, MAX_APP_CHARS);
  return `There is no application "${shown}" here: publish to rtmp://…/${expected}.`;
}
