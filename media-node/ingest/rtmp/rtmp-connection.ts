/**
 * One publisher's RTMP conversation: bytes in, publish attempt and tags out. Nothing is read past a
 * `publish` before it is decided, and no media before it is accepted.
 * @see RTMP specification 1.0, section 7 (messages)
 */
import { Amf0Error } from "../../formats/flv/amf0.ts";
import { GuardedRtmp, MESSAGE, RtmpProtocolError, WINDOW_BYTES } from "./guarded-rtmp.ts";
import { PROTOCOL_LIMITS } from "../admission/limits.ts";
import type { WireTag } from "../port.ts";
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
  /** The publisher said that it stops. */
  onStop(): void;
  /** It asked to play and was refused: end the socket. */
  onPlay(): void;
}

export type RefusalCode = "BadName" | "Denied";

/** `closed`: whatever still arrives is thrown away. */
export type RtmpPhase = "handshake" | "commands" | "authorising" | "live" | "closed";

const PEER_LIMIT_DYNAMIC = 2;

export class RtmpConnection extends GuardedRtmp {
  #phase: RtmpPhase = "handshake";
  readonly #events: RtmpConnectionEvents;
  /** Bytes behind a held `publish`, to be read once it is decided. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #receivedBytes = 0;
  #acknowledgedBytes = 0;
  #bytesBeforePublish = 0;
  #commands = 0;
  #appPath: string | null = null;
  #encoder: string | null = null;
  #publishStreamId = 0;

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
      if (error instanceof Amf0Error || error instanceof RtmpCommandError) {
        throw new RtmpProtocolError(error.message, { cause: error });
      }
      throw error;
    }
  }

  /** Answers `Publish.Start`; tags flow from `resume` on. */
  accept(): void {
    this.#phase = "live";
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

  /** Answers with an error status; nothing is read any more. */
  refuse(code: RefusalCode, reason: string): void {
    this.#sendStatus("error", `NetStream.Publish.${code}`, reason);
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

  protected override get isReading(): boolean {
    return this.#phase === "commands" || this.#phase === "live";
  }

  protected override onHandshakeDone(): void {
    this.#phase = "commands";
  }

  protected override onUnread(bytes: Buffer): void {
    if (this.#phase === "authorising") this.#hold(bytes);
  }

  protected override maxMessageBytes(type: number): number {
    if (type < MESSAGE.audio) return PROTOCOL_LIMITS.controlBytes;
    if (type === MESSAGE.command || type === MESSAGE.commandAmf3) {
      return PROTOCOL_LIMITS.commandBytes;
    }
    if (type === MESSAGE.audio) return PROTOCOL_LIMITS.audioBytes;
    if (type === MESSAGE.video && this.#phase === "live") return PROTOCOL_LIMITS.videoBytes;
    return PROTOCOL_LIMITS.dataBytes;
  }

  override invokeHandler(): void {
    this.#commands += 1;
    // A live publisher may stop, and that is all it has to say.
    if (this.#commands > PROTOCOL_LIMITS.commands) throw new RtmpProtocolError("too many commands");
    const { header, payload } = this.parserPacket;
    // An AMF3 command starts with a format byte, 0 for the AMF0 that everybody sends in it.
    const isPrefixed = header.type === MESSAGE.commandAmf3 && payload[0] === 0;
    this.#execute(parseCommand(isPrefixed ? payload.subarray(1) : payload), header.stream_id);
  }

  override dataHandler(): void {
    const { header, payload, clock } = this.parserPacket;
    if (this.#phase !== "live") {
      if (header.type === MESSAGE.audio || header.type === MESSAGE.video) {
        throw new RtmpProtocolError("media before publish");
      }
      return;
    }
    const isPrefixed = header.type === MESSAGE.dataAmf3 && payload[0] === 0;
    const body = isPrefixed ? payload.subarray(1) : payload;
    if (body.length === 0) return;
    this.#events.onTag({ type: tagTypeOf(header.type), timestampMs: clock, body });
  }

  #execute(command: RtmpCommand, streamId: number): void {
    switch (command.name) {
      case "connect":
        return this.#answerConnect(command);
      case "createStream":
        return this.#answerCreateStream(command.transactionId);
      case "publish":
        return this.#publish(command.streamName, streamId);
      case "play":
        this.#sendStatus("error", "NetStream.Play.Failed", "Playback is HLS only.");
        this.close();
        return this.#events.onPlay();
      case "stop":
        // Some encoders clean up what they imagine is left of an earlier run before they publish.
        if (this.#phase === "live") this.#events.onStop();
        return;
      case "other":
        if (command.isQuestion && this.#appPath !== null) this.#answer(command.transactionId);
    }
  }

  #answerConnect(command: Extract<RtmpCommand, { name: "connect" }>): void {
    if (this.#appPath !== null) throw new RtmpProtocolError("a second connect");
    this.#appPath = command.app;
    this.#encoder = command.encoder;
    this.objectEncoding = command.objectEncoding;
    this.sendWindowACK(WINDOW_BYTES);
    this.setPeerBandwidth(WINDOW_BYTES, PEER_LIMIT_DYNAMIC);
    // Before anything longer than 128 bytes: answers are written in chunks of this size.
    this.setChunkSize(this.outChunkSize);
    this.respondConnect(command.transactionId);
  }

  #answerCreateStream(transactionId: number): void {
    if (this.#appPath === null) throw new RtmpProtocolError("createStream before connect");
    if (this.streams >= PROTOCOL_LIMITS.messageStreams) {
      throw new RtmpProtocolError("too many message streams");
    }
    this.respondCreateStream(transactionId);
  }

  #publish(streamName: string, streamId: number): void {
    if (this.#appPath === null) throw new RtmpProtocolError("publish before connect");
    if (this.#phase !== "commands") throw new RtmpProtocolError("a second publish");
    this.#publishStreamId = streamId;
    this.#phase = "authorising";
    this.#events.onPublish({ appPath: this.#appPath, streamName, encoder: this.#encoder });
  }

  #answer(transactionId: number): void {
    if (transactionId === 0) return;
    this.sendInvokeMessage(0, { cmd: "_result", transId: transactionId, cmdObj: null });
  }

  #sendStatus(level: "status" | "error", code: string, description: string): void {
    if (this.#appPath === null) this.setChunkSize(this.outChunkSize);
    this.sendStatusMessage(this.#publishStreamId, level, code, description);
  }

  #hold(bytes: Buffer): void {
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > PROTOCOL_LIMITS.bytesBeforePublish) {
      throw new RtmpProtocolError("too many bytes before publish was answered");
    }
    this.#held.push(Buffer.from(bytes));
  }

  /** Says how much was received, where that is due. Never to one that may be gone: see its caller. */
  acknowledge(): void {
    if (this.#receivedBytes - this.#acknowledgedBytes < this.ackWindowBytes) return;
    if (this.#phase !== "live") return;
    this.#acknowledgedBytes = this.#receivedBytes;
    this.sendACK(this.#receivedBytes >>> 0);
  }
}

function tagTypeOf(messageType: number): WireTag["type"] {
  if (messageType === MESSAGE.audio) return "audio";
  return messageType === MESSAGE.video ? "video" : "script";
}
