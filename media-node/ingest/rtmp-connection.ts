/**
 * One publisher's RTMP conversation: bytes in, publish attempt and tags out. The only file that
 * knows node-media-server; its parser is used through a subclass that replaces what a stranger
 * could crash, stall or grow.
 * @see RTMP specification 1.0, section 5.3 (chunks) and 7 (messages)
 */
import Rtmp, { type InvokeMessage } from "node-media-server/src/protocol/rtmp.js";
import { Amf0Error, type Amf0Input, encodeAmf0 } from "./amf0.ts";
import { PROTOCOL_LIMITS } from "./limits.ts";
import type { WireTag } from "./port.ts";
import { parseCommand, type RtmpCommand, RtmpCommandError } from "./rtmp-commands.ts";

/** What the far side sent breaks the protocol or our caps: drop the connection. */
export class RtmpProtocolError extends Error {
  override readonly name = "RtmpProtocolError";
}

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

const MESSAGE = {
  setChunkSize: 1,
  abort: 2,
  windowAckSize: 5,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  data: 18,
  command: 20,
} as const;

const RTMP_VERSION = 3;
const HANDSHAKE_BYTES = 1536;
const HEADER_BYTES = [11, 7, 3, 0] as const;
const EXTENDED = 0xffffff;
const COMMAND_CHUNK_STREAM = 3;
const EMPTY = Buffer.alloc(0);
const WINDOW_BYTES = 2_500_000;
const MIN_WINDOW_BYTES = 64 * 1024;
const PEER_LIMIT_DYNAMIC = 2;

export class RtmpConnection extends Rtmp {
  #phase: RtmpPhase = "handshake";
  readonly #events: RtmpConnectionEvents;
  /** Bytes behind a held `publish`, to be read once it is decided. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #receivedBytes = 0;
  #acknowledgedBytes = 0;
  #ackWindowBytes = WINDOW_BYTES;
  #bytesBeforePublish = 0;
  #bytesInProgress = 0;
  #commands = 0;
  /** Messages begun, of every kind: what a publisher costs besides its bytes. */
  receivedMessages = 0;
  #isReadingPayload = false;
  #chunkBytesLeft = 0;
  #appPath: string | null = null;
  #encoder: string | null = null;
  #publishStreamId = 0;
  /** Extended timestamp of the message in progress, by chunk stream. */
  readonly #extendedTimestamps = new Map<number, number>();

  constructor(events: RtmpConnectionEvents) {
    super();
    this.flv = null; // 1 MiB that only a parser of FLV files needs
    this.#events = events;
    this.onOutputCallback = (bytes) => events.onOutput(bytes);
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
    this.#acknowledge();
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
    this.inPackets.clear();
    this.#extendedTimestamps.clear();
  }

  override parserData(bytes: Buffer): null {
    let offset = 0;
    // 4.4.3 reads C0 and C1 well; C2 it copies with a wrong end, and never looks at: skip it here.
    if (this.handshakeState === 0 && bytes[0] !== RTMP_VERSION) {
      throw new RtmpProtocolError(`RTMP version ${bytes[0]}, expected ${RTMP_VERSION}`);
    }
    if (this.handshakeState < 2) {
      const wanted = HANDSHAKE_BYTES - this.handshakeBytes + (this.handshakeState === 0 ? 1 : 0);
      offset = Math.min(wanted, bytes.length);
      super.parserData(bytes.subarray(0, offset));
    }
    if (this.handshakeState === 2) {
      const taken = Math.min(HANDSHAKE_BYTES - this.handshakeBytes, bytes.length - offset);
      offset += taken;
      this.handshakeBytes += taken;
      if (this.handshakeBytes < HANDSHAKE_BYTES) return null;
      this.handshakeState = 3;
      this.handshakePayload = EMPTY;
      this.#phase = "commands";
    }
    return this.chunkRead(bytes, offset, bytes.length - offset);
  }

  override chunkRead(bytes: Buffer, start: number, length: number): null {
    const end = start + length;
    let offset = start;
    if (this.#phase === "commands") {
      this.#bytesBeforePublish += length;
      if (this.#bytesBeforePublish > PROTOCOL_LIMITS.bytesBeforePublish) {
        throw new RtmpProtocolError("too many bytes before publish");
      }
    }
    while (offset < end && (this.#phase === "commands" || this.#phase === "live")) {
      offset = this.#isReadingPayload
        ? this.#readPayload(bytes, offset, end)
        : this.#readHeader(bytes, offset, end);
    }
    if (offset < end && this.#phase === "authorising") this.#hold(bytes.subarray(offset, end));
    return null;
  }

  override packetAlloc(): void {
    const message = this.parserPacket;
    const { length, type } = message.header;
    if (length > this.#maxBytesOf(type)) {
      throw new RtmpProtocolError(`message of type ${type} claims ${length} bytes`);
    }
    if (this.#bytesInProgress + length > PROTOCOL_LIMITS.bytesInProgress) {
      throw new RtmpProtocolError("too many incomplete messages");
    }
    this.#bytesInProgress += length;
    // New for each message: a tag is handed on as it is, without a second copy.
    message.payload = length === 0 ? EMPTY : Buffer.allocUnsafeSlow(length);
    message.capacity = length;
  }

  override controlHandler(): void {
    const { header, payload } = this.parserPacket;
    if (header.length < 4) return;
    const value = payload.readUInt32BE();
    if (header.type === MESSAGE.setChunkSize) this.#setInChunkSize(value);
    else if (header.type === MESSAGE.abort) this.#abort(value);
    else if (header.type === MESSAGE.windowAckSize) {
      this.#ackWindowBytes = Math.min(Math.max(value, MIN_WINDOW_BYTES), WINDOW_BYTES);
    }
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

  override sendInvokeMessage(streamId: number, message: InvokeMessage): void {
    // Not the package's encoder: it counts characters where AMF0 counts bytes.
    const values = [message.cmd, message.transId, message.cmdObj, message.info] as Amf0Input[];
    const payload = Buffer.from(encodeAmf0(...values));
    const header = {
      fmt: 0,
      cid: COMMAND_CHUNK_STREAM,
      timestamp: 0,
      length: payload.length,
      type: MESSAGE.command,
      stream_id: streamId,
    };
    this.onOutputCallback(Rtmp.chunksCreate({ header, payload }));
  }

  /** Collects one chunk header; at its end the chunk stream and message are known. */
  #readHeader(bytes: Buffer, start: number, end: number): number {
    let offset = start;
    while (offset < end) {
      this.parserBuffer[this.parserBytes++] = bytes[offset++] ?? 0;
      if (this.parserBytes < this.#headerBytesNeeded()) continue;
      this.#openChunk();
      break;
    }
    return offset;
  }

  /** Length of the header as far as the bytes read so far tell. */
  #headerBytesNeeded(): number {
    const first = this.parserBuffer[0] ?? 0;
    const basic = first & 0x3f;
    if (basic === 1) throw new RtmpProtocolError("chunk stream id of 3 bytes");
    this.parserBasicBytes = basic === 0 ? 2 : 1;
    if (this.parserBytes < this.parserBasicBytes) return this.parserBasicBytes;
    const format = first >> 6;
    const size = this.parserBasicBytes + (HEADER_BYTES[format] ?? 0);
    if (this.parserBytes < size) return size;
    const timestamp = format === 3
      ? this.inPackets.get(this.#chunkStreamId())?.header.timestamp
      : this.parserBuffer.readUIntBE(this.parserBasicBytes, 3);
    return timestamp === EXTENDED ? size + 4 : size;
  }

  #chunkStreamId(): number {
    const first = this.parserBuffer[0] ?? 0;
    return this.parserBasicBytes === 2 ? 64 + (this.parserBuffer[1] ?? 0) : first & 0x3f;
  }

  #openChunk(): void {
    const id = this.#chunkStreamId();
    const format = (this.parserBuffer[0] ?? 0) >> 6;
    const known = this.inPackets.get(id);
    if (known === undefined) {
      if (format > 1) throw new RtmpProtocolError("chunk stream begins without a message header");
      if (this.inPackets.size >= PROTOCOL_LIMITS.chunkStreams) {
        throw new RtmpProtocolError("too many chunk streams");
      }
    } else if (known.bytes > 0 && format !== 3) {
      throw new RtmpProtocolError("new message before the end of the one before");
    }
    this.packetParse();
    this.#isReadingPayload = true;
    this.#chunkBytesLeft = this.inChunkSize;
    const extended = this.#readExtendedTimestamp();
    this.parserBytes = 0;
    if (this.parserPacket.bytes === 0) this.#openMessage(extended);
    else if (extended !== null && extended !== this.#extendedTimestamps.get(id)) {
      // This encoder does not repeat the extended timestamp in a message's later chunks, though
      // the specification (5.3.1.3) says so: those four bytes were payload.
      const payload = Buffer.alloc(4);
      payload.writeUInt32BE(extended);
      this.chunkRead(payload, 0, payload.length);
    }
  }

  #readExtendedTimestamp(): number | null {
    if (this.parserPacket.header.timestamp !== EXTENDED) return null;
    return this.parserBuffer.readUInt32BE(this.parserBytes - 4);
  }

  #openMessage(extended: number | null): void {
    this.receivedMessages += 1;
    const message = this.parserPacket;
    const { header } = message;
    const timestamp = extended ?? header.timestamp;
    if (extended !== null) this.#extendedTimestamps.set(header.cid, extended);
    message.clock = header.fmt === 0 ? timestamp : (message.clock + timestamp) >>> 0;
    this.packetAlloc();
    if (header.length === 0) this.#isReadingPayload = false; // an empty message says nothing
  }

  #readPayload(bytes: Buffer, start: number, end: number): number {
    const message = this.parserPacket;
    const missing = message.header.length - message.bytes;
    const size = Math.min(this.#chunkBytesLeft, missing, end - start);
    bytes.copy(message.payload, message.bytes, start, start + size);
    message.bytes += size;
    this.#chunkBytesLeft -= size;
    if (size === missing) this.#completeMessage();
    else if (this.#chunkBytesLeft === 0) this.#isReadingPayload = false;
    return start + size;
  }

  #completeMessage(): void {
    const message = this.parserPacket;
    this.#isReadingPayload = false;
    this.#bytesInProgress -= message.header.length;
    message.bytes = 0;
    this.packetHandler();
    message.payload = EMPTY;
    message.capacity = 0;
  }

  #maxBytesOf(type: number): number {
    if (type < MESSAGE.audio) return PROTOCOL_LIMITS.controlBytes;
    if (type === MESSAGE.command || type === MESSAGE.commandAmf3) {
      return PROTOCOL_LIMITS.commandBytes;
    }
    if (type === MESSAGE.audio) return PROTOCOL_LIMITS.audioBytes;
    if (type === MESSAGE.video && this.#phase === "live") return PROTOCOL_LIMITS.videoBytes;
    return PROTOCOL_LIMITS.dataBytes;
  }

  #setInChunkSize(size: number): void {
    if (size < PROTOCOL_LIMITS.minChunkBytes || size > PROTOCOL_LIMITS.maxChunkBytes) {
      throw new RtmpProtocolError(`chunk size of ${size} bytes`);
    }
    this.inChunkSize = size;
  }

  #abort(chunkStreamId: number): void {
    const message = this.inPackets.get(chunkStreamId);
    if (message === undefined || message.bytes === 0) return;
    this.#bytesInProgress -= message.header.length;
    message.bytes = 0;
    message.payload = EMPTY;
    message.capacity = 0;
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

  #acknowledge(): void {
    if (this.#receivedBytes - this.#acknowledgedBytes < this.#ackWindowBytes) return;
    if (this.#phase !== "live") return;
    this.#acknowledgedBytes = this.#receivedBytes;
    this.sendACK(this.#receivedBytes >>> 0);
  }
}

function tagTypeOf(messageType: number): WireTag["type"] {
  if (messageType === MESSAGE.audio) return "audio";
  return messageType === MESSAGE.video ? "video" : "script";
}
