/**
 * One publisher's RTMP conversation: bytes in, publish attempt and tags out. Nothing is read past a
 * `publish` before it is decided, and no media before it is accepted.
 * @see RTMP specification 1.0, section 7 (messages)
 */
import { PROTOCOL_LIMITS } from "../admission/limits.ts";
import { RateBudget } from "../admission/rate-budget.ts";
import type { WireTag } from "../port.ts";
import { splitAggregate } from "./aggregate.ts";
import { GuardedRtmp, WINDOW_BYTES } from "./guarded-rtmp.ts";
import {
  FrameTooLong,
  isCommand,
  isMedia,
  maxMessageBytes,
  MESSAGE,
  type MessagePlan,
  nameMessage,
  type RtmpMessage,
  RtmpProtocolError,
} from "./messages.ts";
import { parseCommand, type RtmpCommand, RtmpCommandError } from "./rtmp-commands.ts";

/** What `connect` and `publish` said, as they said it. */
export type PublishAttempt = {
  readonly appPath: string;
  readonly streamName: string;
  readonly encoder: string | null;
};

export interface RtmpConnectionEvents {
  /** Bytes for the socket. */
  onOutput(bytes: Uint8Array): void;
  /** Parsing is held until `accept` or `refuse`. */
  onPublish(attempt: PublishAttempt): void;
  onTag(tag: WireTag): void;
  /** The publisher said that it stops, and was answered; it closes, or is closed by `close`. */
  onStop(): void;
  /** It asked to play and was refused: end the socket. */
  onPlay(): void;
  /** A message that means nothing to us was left out; the same `what` is told once. */
  onIgnored?(what: string): void;
}

/**
 * `stopped`: it said goodbye, and what it still says is answered. `closed`: whatever still arrives is
 * thrown away.
 */
export type RtmpPhase = "handshake" | "commands" | "authorising" | "live" | "stopped" | "closed";

const PEER_LIMIT_DYNAMIC = 2;
const MINUTE_MS = 60_000;
const UNPUBLISHED = "NetStream.Unpublish.Success";
const FAREWELL = "The stream is now unpublished.";

export class RtmpConnection extends GuardedRtmp {
  #phase: RtmpPhase = "handshake";
  readonly #events: RtmpConnectionEvents;
  /** Bytes behind a held `publish`, to be read once it is decided. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #receivedBytes = 0;
  #acknowledgedBytes = 0;
  #bytesBeforePublish = 0;
  #commandsBeforePublish = 0;
  /** Of a live publisher. */
  #commandBudget: RateBudget | null = null;
  #appPath: string | null = null;
  #encoder: string | null = null;
  #publishStreamId = 0;
  readonly #ignored = new Set<string>();

  constructor(events: RtmpConnectionEvents) {
    super((bytes) => events.onOutput(bytes));
    this.#events = events;
  }

  get phase(): RtmpPhase {
    return this.#phase;
  }

  /**
   * Reads what the socket received; `bytes` may be reused afterwards.
   * @throws RtmpProtocolError, after which the connection must be dropped
   */
  feed(bytes: Buffer): void {
    if (this.#phase === "closed") return;
    this.#receivedBytes += bytes.length;
    try {
      if (this.#phase === "authorising") this.#hold(bytes);
      else this.parserData(bytes);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Answers `Publish.Start`; tags flow from `resume` on. */
  accept(): void {
    this.#phase = "live";
    const perSecond = PROTOCOL_LIMITS.commandsPerMinute / 60;
    this.#commandBudget = new RateBudget(perSecond, MINUTE_MS, performance.now());
    this.#sendStatus("status", "NetStream.Publish.Start", "Publishing.");
  }

  /** Reads what arrived while the publish was being decided. @throws RtmpProtocolError */
  resume(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const bytes of held) {
      this.#receivedBytes -= bytes.length;
      this.feed(bytes);
    }
  }

  /** Answers with an error status, before the start or after it; nothing is read any more. */
  refuse(code: string, sentence: string): void {
    this.#sendStatus("error", code, sentence);
    this.close();
  }

  /** Stops reading for good and lets go of everything that was buffered. */
  close(): void {
    this.#phase = "closed";
    this.#held = [];
    this.forget();
  }

  override chunkRead(bytes: Buffer, start: number, length: number): null {
    if (this.#phase === "commands") {
      this.#bytesBeforePublish += length;
      if (this.#bytesBeforePublish > PROTOCOL_LIMITS.bytesBeforePublish) {
        throw new RtmpProtocolError("too many bytes before publish");
      }
    }
    return super.chunkRead(bytes, start, length);
  }

  /** Says how much was received, where that is due. Never to one that may be gone: see its caller. */
  acknowledge(): void {
    if (this.#receivedBytes - this.#acknowledgedBytes < this.ackWindowBytes) return;
    if (this.#phase !== "live") return;
    this.#acknowledgedBytes = this.#receivedBytes;
    this.sendACK(this.#receivedBytes >>> 0);
  }

  protected override get isReading(): boolean {
    return this.#phase === "commands" || this.#phase === "live" || this.#phase === "stopped";
  }

  protected override onHandshakeDone(): void {
    this.#phase = "commands";
  }

  protected override onUnread(bytes: Buffer): void {
    if (this.#phase === "authorising") this.#hold(bytes);
  }

  protected override planMessage(type: number, length: number): MessagePlan {
    const isPublishing = this.#phase !== "commands";
    if (isMedia(type) && !isPublishing) throw new RtmpProtocolError("media before publish");
    if (this.#phase === "stopped" && !isCommand(type)) return "skip";
    const maxBytes = maxMessageBytes(type);
    if (maxBytes !== null && length <= maxBytes) return "keep";
    // What a broadcast lives from cannot be left out, and what we need to go on cannot be so long.
    const isNeeded = maxBytes !== null && type < MESSAGE.dataAmf3;
    if (isMedia(type) && isNeeded) throw new FrameTooLong(type, length);
    if (isNeeded || (isCommand(type) && !isPublishing)) {
      throw new RtmpProtocolError(`message of type ${type} claims ${length} bytes`);
    }
    this.#ignore(maxBytes === null ? nameMessage(type) : `${nameMessage(type)}, too long`);
    return "skip";
  }

  protected override onBrokenMessage(): void {
    this.#ignore("a message without its end");
  }

  protected override onMessage(message: RtmpMessage): void {
    if (isCommand(message.type)) return this.#onCommand(message);
    if (this.#phase !== "live") return;
    if (message.type === MESSAGE.aggregate) return this.#onAggregate(message);
    const { type, payload, timestampMs } = message;
    const isPrefixed = type === MESSAGE.dataAmf3 && payload[0] === 0;
    const body = isPrefixed ? payload.subarray(1) : payload;
    if (body.length > 0) this.#events.onTag({ type: tagTypeOf(type), timestampMs, body });
  }

  #onAggregate(aggregate: RtmpMessage): void {
    const { messages, isCutOff } = splitAggregate(aggregate);
    if (isCutOff) this.#ignore("aggregate, cut off");
    this.countMessages(messages.length);
    for (const message of messages) {
      const { type, payload: { length } } = message;
      const isCarried = type !== MESSAGE.aggregate && (isMedia(type) || type === MESSAGE.data);
      if (!isCarried) this.#ignore(`${nameMessage(type)}, within an aggregate`);
      else if (this.planMessage(type, length) === "keep") this.onMessage(message);
    }
  }

  #onCommand({ type, payload, streamId }: RtmpMessage): void {
    this.#countCommand();
    try {
      this.#execute(parseCommand(payload, type === MESSAGE.commandAmf3), streamId);
    } catch (error) {
      if (!(error instanceof RtmpCommandError)) throw error;
      if (this.#commandBudget === null) {
        throw new RtmpProtocolError(error.message, { cause: error });
      }
      this.#ignore(error.message);
    }
  }

  #countCommand(): void {
    this.#commandsBeforePublish += this.#commandBudget === null ? 1 : 0;
    const isInBudget = this.#commandBudget?.spend(1, performance.now()) ??
      this.#commandsBeforePublish <= PROTOCOL_LIMITS.commandsBeforePublish;
    if (!isInBudget) throw new RtmpProtocolError("too many commands");
  }

  #execute(command: RtmpCommand, streamId: number): void {
    switch (command.name) {
      case "connect":
        return this.#answerConnect(command);
      case "createStream":
        if (this.#appPath === null) throw new RtmpCommandError("createStream before connect");
        return this.respondCreateStream(command.transactionId);
      case "publish":
        return this.#publish(command.streamName, streamId);
      case "play":
        return this.#refusePlay(streamId);
      case "stop":
        return this.#stop(command);
      case "other":
        if (command.isQuestion && this.#appPath !== null) this.#answer(command.transactionId);
    }
  }

  #answerConnect(command: Extract<RtmpCommand, { name: "connect" }>): void {
    if (this.#appPath !== null) throw new RtmpCommandError("a second connect");
    this.#appPath = command.app;
    this.#encoder = command.encoder;
    this.objectEncoding = command.objectEncoding;
    this.sendWindowACK(WINDOW_BYTES);
    this.setPeerBandwidth(WINDOW_BYTES, PEER_LIMIT_DYNAMIC);
    // Before anything longer than 128 bytes: answers are written in chunks of this size.
    this.setChunkSize(this.outChunkSize);
    this.respondConnect(command.transactionId);
  }

  #publish(streamName: string, streamId: number): void {
    if (this.#appPath === null) throw new RtmpCommandError("publish before connect");
    if (this.#phase !== "commands") {
      const sentence = "This connection has published already: open another one.";
      return this.sendStatusMessage(streamId, "error", "NetStream.Publish.BadName", sentence);
    }
    this.#publishStreamId = streamId;
    this.#phase = "authorising";
    this.#events.onPublish({ appPath: this.#appPath, streamName, encoder: this.#encoder });
  }

  #refusePlay(streamId: number): void {
    const [code, sentence] = ["NetStream.Play.Failed", "Playback is HLS only."];
    if (this.#phase !== "commands") {
      return this.sendStatusMessage(streamId, "error", code, sentence);
    }
    this.refuse(code, sentence);
    this.#events.onPlay();
  }

  /** Answers what an encoder may wait for before it closes. */
  #stop({ transactionId, isAnnounced, streamId }: Extract<RtmpCommand, { name: "stop" }>): void {
    // Some encoders clean up what they imagine is left of an earlier run before they publish.
    if (this.#phase === "commands") return this.#answer(isAnnounced ? transactionId : 0);
    const isOfAnother = streamId !== null && streamId > 0 && streamId <= this.streams &&
      streamId !== this.#publishStreamId;
    if (isOfAnother) return;
    if (isAnnounced) {
      const info = { level: "status", code: UNPUBLISHED, description: FAREWELL };
      const answer = { cmd: "onFCUnpublish", transId: 0, cmdObj: null, info };
      this.sendInvokeMessage(this.#publishStreamId, answer);
      this.#answer(transactionId);
    }
    if (this.#phase !== "live") return;
    this.#sendStatus("status", UNPUBLISHED, FAREWELL);
    this.#phase = "stopped";
    this.#events.onStop();
  }

  #answer(transactionId: number): void {
    if (transactionId === 0) return;
    this.sendInvokeMessage(0, { cmd: "_result", transId: transactionId, cmdObj: null });
  }

  #sendStatus(level: "status" | "error", code: string, description: string): void {
    if (this.#appPath === null) this.setChunkSize(this.outChunkSize);
    this.sendStatusMessage(this.#publishStreamId, level, code, description);
  }

  #ignore(what: string): void {
    if (this.#ignored.has(what)) return;
    this.#ignored.add(what);
    this.#events.onIgnored?.(what);
  }

  #hold(bytes: Buffer): void {
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > PROTOCOL_LIMITS.bytesBeforePublish) {
      throw new RtmpProtocolError("too many bytes before publish was answered");
    }
    this.#held.push(Buffer.from(bytes));
  }
}

function tagTypeOf(messageType: number): WireTag["type"] {
  if (messageType === MESSAGE.audio) return "audio";
  return messageType === MESSAGE.video ? "video" : "script";
}
