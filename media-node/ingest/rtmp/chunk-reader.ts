/**
 * RTMP chunks put together to messages, whatever pieces the bytes come in. Nothing is allocated
 * from a length on the wire: a message's buffer grows with what was received of it.
 * @see RTMP specification 1.0, section 5.3
 */
import { PROTOCOL_LIMITS } from "../admission/limits.ts";
import { type MessagePlan, type RtmpMessage, RtmpProtocolError } from "./messages.ts";

/** What a message's header says of it. */
type Fields = {
  /** As on the wire: absolute or delta, 0xffffff when an extended timestamp follows. */
  readonly timestamp: number;
  readonly length: number;
  readonly type: number;
  readonly streamId: number;
};

/** One chunk stream: the last header, and the message in progress. */
type ChunkStream = {
  fields: Fields;
  /** Extended timestamp of the last header that had one. */
  extended: number | null;
  clock: number;
  /** Bytes received of the message in progress; 0: there is none. */
  received: number;
  isKept: boolean;
  payload: Buffer;
};

export interface ChunkReaderEvents {
  /** False: nothing is read until further notice; the rest goes to `onUnread`. */
  isReading(): boolean;
  /** What becomes of a message of that type and length. @throws RtmpProtocolError */
  planMessage(type: number, length: number): MessagePlan;
  onMessage(message: RtmpMessage): void;
  /** A message was left by its sender before its end. */
  onBrokenMessage(): void;
  /** Bytes that came while not reading; valid during the call only. */
  onUnread(bytes: Buffer): void;
}

const HEADER_BYTES = [11, 7, 3, 0] as const;
/** Basic header, message header, extended timestamp. */
const MAX_HEADER_BYTES = 3 + 11 + 4;
const EXTENDED = 0xffffff;
const DEFAULT_CHUNK_BYTES = 128;
const FIRST_BUFFER_BYTES = 16 * 1024;
const SMALL_BYTES = 16;
const EMPTY = Buffer.alloc(0);
const NO_FIELDS: Fields = { timestamp: 0, length: 0, type: 0, streamId: 0 };

export class ChunkReader {
  /** Messages begun, of every kind: what a publisher costs besides its bytes. */
  receivedMessages = 0;
  /** A chunk is never allocated by its size: any size is as good as another. */
  chunkBytes = DEFAULT_CHUNK_BYTES;
  readonly #events: ChunkReaderEvents;
  readonly #streams = new Map<number, ChunkStream>();
  readonly #header = Buffer.alloc(MAX_HEADER_BYTES);
  #headerBytes = 0;
  /** The chunk stream whose payload is being read; null: a header is. */
  #current: ChunkStream | null = null;
  #chunkBytesLeft = 0;
  #bytesInProgress = 0;

  constructor(events: ChunkReaderEvents) {
    this.#events = events;
  }

  /** Reads `bytes`. @throws RtmpProtocolError */
  read(bytes: Buffer): void {
    let offset = 0;
    while (offset < bytes.length && this.#events.isReading()) {
      offset = this.#current === null
        ? this.#readHeader(bytes, offset)
        : this.#readPayload(this.#current, bytes, offset);
    }
    if (offset < bytes.length) this.#events.onUnread(bytes.subarray(offset));
  }

  /** Drops what was received of the message on that chunk stream. */
  abort(chunkStreamId: number): void {
    const stream = this.#streams.get(chunkStreamId);
    if (stream !== undefined) this.#drop(stream);
  }

  /** Lets go of everything that was being assembled. */
  forget(): void {
    this.#streams.clear();
    this.#current = null;
  }

  /** Collects one chunk header; at its end the chunk stream and message are known. */
  #readHeader(bytes: Buffer, start: number): number {
    let offset = start;
    while (offset < bytes.length) {
      this.#header[this.#headerBytes++] = bytes[offset++] ?? 0;
      if (this.#headerBytes < this.#headerBytesNeeded()) continue;
      this.#headerBytes = 0;
      this.#openChunk();
      break;
    }
    return offset;
  }

  /** Length of the header as far as the bytes read so far tell. */
  #headerBytesNeeded(): number {
    const basicBytes = this.#basicBytes;
    if (this.#headerBytes < basicBytes) return basicBytes;
    const size = basicBytes + (HEADER_BYTES[this.#format] ?? 0);
    if (this.#headerBytes < size) return size;
    const timestamp = this.#format === 3
      ? this.#streams.get(this.#chunkStreamId)?.fields.timestamp
      : this.#header.readUIntBE(basicBytes, 3);
    return timestamp === EXTENDED ? size + 4 : size;
  }

  get #format(): number {
    return (this.#header[0] ?? 0) >> 6;
  }

  get #basicBytes(): number {
    const id = (this.#header[0] ?? 0) & 0x3f;
    if (id > 1) return 1;
    return id === 0 ? 2 : 3;
  }

  get #chunkStreamId(): number {
    const size = this.#basicBytes;
    if (size === 1) return (this.#header[0] ?? 0) & 0x3f;
    return 64 + (this.#header[1] ?? 0) + (size === 3 ? 256 * (this.#header[2] ?? 0) : 0);
  }

  #openChunk(): void {
    const stream = this.#streamOfHeader();
    const format = this.#format;
    const fields = this.#readFields(format, stream.fields);
    const extended = fields.timestamp === EXTENDED ? this.#readExtended(format) : null;
    // A header of its own within a message: the same one goes on with it, another one begins anew.
    const isSame = format === 3 || isSameHeader(stream, { format, fields, extended });
    if (stream.received > 0 && !isSame) {
      this.#drop(stream);
      this.#events.onBrokenMessage();
    }
    this.#current = stream;
    this.#chunkBytesLeft = this.chunkBytes;
    if (stream.received === 0) this.#openMessage(stream, { format, fields, extended });
    else if (extended !== null && format === 3 && extended !== stream.extended) {
      // This encoder does not repeat the extended timestamp in a message's later chunks, though
      // the specification (5.3.1.3) says so: those four bytes were payload.
      const payload = Buffer.alloc(4);
      payload.writeUInt32BE(extended);
      this.read(payload);
    }
  }

  #streamOfHeader(): ChunkStream {
    const id = this.#chunkStreamId;
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    if (this.#format > 1) throw new RtmpProtocolError("chunk stream begins without its header");
    if (this.#streams.size >= PROTOCOL_LIMITS.chunkStreams) {
      throw new RtmpProtocolError("too many chunk streams");
    }
    const idle = { extended: null, clock: 0, received: 0, isKept: false, payload: EMPTY };
    const stream: ChunkStream = { fields: NO_FIELDS, ...idle };
    this.#streams.set(id, stream);
    return stream;
  }

  #readFields(format: number, before: Fields): Fields {
    if (format === 3) return before;
    const at = this.#basicBytes;
    const timestamp = this.#header.readUIntBE(at, 3);
    if (format === 2) return { ...before, timestamp };
    const length = this.#header.readUIntBE(at + 3, 3);
    const type = this.#header.readUInt8(at + 6);
    const streamId = format === 0 ? this.#header.readUInt32LE(at + 7) : before.streamId;
    return { timestamp, length, type, streamId };
  }

  #readExtended(format: number): number {
    return this.#header.readUInt32BE(this.#basicBytes + (HEADER_BYTES[format] ?? 0));
  }

  #openMessage(stream: ChunkStream, { format, fields, extended }: Header): void {
    this.receivedMessages += 1;
    const timestamp = extended ?? fields.timestamp;
    stream.clock = format === 0 ? timestamp : (stream.clock + timestamp) >>> 0;
    stream.fields = fields;
    if (extended !== null) stream.extended = extended;
    stream.isKept = this.#events.planMessage(fields.type, fields.length) === "keep";
    stream.payload = EMPTY;
    if (fields.length === 0) this.#current = null; // an empty message says nothing
    else if (stream.isKept) this.#claim(fields.length);
  }

  #claim(length: number): void {
    if (this.#bytesInProgress + length > PROTOCOL_LIMITS.bytesInProgress) {
      throw new RtmpProtocolError("too many incomplete messages");
    }
    this.#bytesInProgress += length;
  }

  #readPayload(stream: ChunkStream, bytes: Buffer, start: number): number {
    const missing = stream.fields.length - stream.received;
    const size = Math.min(this.#chunkBytesLeft, missing, bytes.length - start);
    if (stream.isKept) {
      reserve(stream, stream.received + size);
      copy(bytes, start, size, stream);
    }
    stream.received += size;
    this.#chunkBytesLeft -= size;
    if (size === missing || this.#chunkBytesLeft === 0) this.#current = null;
    if (size === missing) this.#complete(stream);
    return start + size;
  }

  #complete(stream: ChunkStream): void {
    const { clock: timestampMs, payload, isKept } = stream;
    const { type, streamId } = stream.fields;
    this.#drop(stream);
    if (isKept) this.#events.onMessage({ type, streamId, timestampMs, payload });
  }

  #drop(stream: ChunkStream): void {
    if (stream.received > 0 && stream.isKept) this.#bytesInProgress -= stream.fields.length;
    stream.received = 0;
    stream.payload = EMPTY;
  }
}

type Header = {
  readonly format: number;
  readonly fields: Fields;
  readonly extended: number | null;
};

/** Whether that header says the same as the one its message began with. */
function isSameHeader(stream: ChunkStream, { format, fields, extended }: Header): boolean {
  const { timestamp, length, type, streamId } = stream.fields;
  if (fields.length !== length || fields.type !== type || fields.streamId !== streamId) {
    return false;
  }
  // Within a message, a delta may also be one from its own time: none.
  if (format > 0 && fields.timestamp === 0) return true;
  return fields.timestamp === timestamp && (extended === null || extended === stream.extended);
}

/** Byte by byte where a call costs more than that: a chunk may be one byte long. */
function copy(
  bytes: Buffer,
  start: number,
  size: number,
  { payload, received }: ChunkStream,
): void {
  if (size > SMALL_BYTES) bytes.copy(payload, received, start, start + size);
  else for (let at = 0; at < size; at += 1) payload[received + at] = bytes[start + at] ?? 0;
}

/** Room for `size` bytes; the last growth fits the message exactly. */
function reserve(stream: ChunkStream, size: number): void {
  const { payload, fields, received } = stream;
  if (payload.length >= size) return;
  const wanted = Math.max(size, FIRST_BUFFER_BYTES, 2 * payload.length);
  // Of its own, not of a pool: it is handed on as it is, without a second copy.
  stream.payload = Buffer.allocUnsafeSlow(Math.min(fields.length, wanted));
  payload.copy(stream.payload, 0, 0, received);
}
