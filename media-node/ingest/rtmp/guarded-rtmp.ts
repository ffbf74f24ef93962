/**
 * The one file that knows node-media-server: its RTMP parser behind a subclass that replaces what a
 * stranger could crash, stall or grow. Handshake and chunks are dealt with here, messages by the
 * subclass that gives them a meaning.
 * @see RTMP specification 1.0, sections 5.2 (handshake), 5.3 (chunks) and 5.4 (control messages)
 */
import Rtmp, { type InvokeMessage } from "node-media-server/src/protocol/rtmp.js";
import { type Amf0Input, encodeAmf0 } from "../../formats/flv/amf0.ts";
import { PROTOCOL_LIMITS } from "../admission/limits.ts";

/** What the far side sent breaks the protocol or our caps: drop the connection. */
export class RtmpProtocolError extends Error {
  override readonly name = "RtmpProtocolError";
}

/** Message types we read. */
export const MESSAGE = {
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

/** The acknowledgement window that both sides start with. */
export const WINDOW_BYTES = 2_500_000;

const RTMP_VERSION = 3;
const HANDSHAKE_BYTES = 1536;
const HEADER_BYTES = [11, 7, 3, 0] as const;
const EXTENDED = 0xffffff;
const COMMAND_CHUNK_STREAM = 3;
const EMPTY = Buffer.alloc(0);
const MIN_WINDOW_BYTES = 64 * 1024;

export abstract class GuardedRtmp extends Rtmp {
  /** Messages begun, of every kind: what a publisher costs besides its bytes. */
  receivedMessages = 0;
  protected ackWindowBytes = WINDOW_BYTES;
  #bytesInProgress = 0;
  #isReadingPayload = false;
  #chunkBytesLeft = 0;
  /** Extended timestamp of the message in progress, by chunk stream. */
  readonly #extendedTimestamps = new Map<number, number>();

  constructor(onOutput: (bytes: Uint8Array) => void) {
    super();
    this.flv = null; // 1 MiB that only a parser of FLV files needs
    this.onOutputCallback = onOutput;
  }

  /** False: nothing is read until further notice; the rest goes to `onUnread`. */
  protected abstract get isReading(): boolean;
  protected abstract maxMessageBytes(type: number): number;
  protected abstract onHandshakeDone(): void;
  /** Bytes that came while not reading; valid during the call only. */
  protected abstract onUnread(bytes: Buffer): void;

  /** Lets go of everything that was being assembled. */
  protected forget(): void {
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
      this.onHandshakeDone();
    }
    if (this.handshakeState === 3) this.chunkRead(bytes, offset, bytes.length - offset);
    return null;
  }

  override chunkRead(bytes: Buffer, start: number, length: number): null {
    const end = start + length;
    let offset = start;
    while (offset < end && this.isReading) {
      offset = this.#isReadingPayload
        ? this.#readPayload(bytes, offset, end)
        : this.#readHeader(bytes, offset, end);
    }
    if (offset < end) this.onUnread(bytes.subarray(offset, end));
    return null;
  }

  override packetAlloc(): void {
    const message = this.parserPacket;
    const { length, type } = message.header;
    if (length > this.maxMessageBytes(type)) {
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
      this.ackWindowBytes = Math.min(Math.max(value, MIN_WINDOW_BYTES), WINDOW_BYTES);
    }
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
}
