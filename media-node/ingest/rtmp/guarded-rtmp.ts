/**
 * The one file that knows node-media-server: its RTMP handshake and answers behind a subclass that
 * replaces what a stranger could crash, stall or grow. Chunks are read by `ChunkReader`, protocol
 * control messages are dealt with here, all others by the subclass that gives them a meaning.
 * @see RTMP specification 1.0, sections 5.2 (handshake) and 5.4 (control messages)
 */
import Rtmp, { type InvokeMessage } from "node-media-server/src/protocol/rtmp.js";
import { type Amf0Input, encodeAmf0 } from "../../formats/flv/amf0.ts";
import { ChunkReader } from "./chunk-reader.ts";
import { MESSAGE, type MessagePlan, type RtmpMessage, RtmpProtocolError } from "./messages.ts";

/** The acknowledgement window that both sides start with. */
export const WINDOW_BYTES = 2_500_000;

const RTMP_VERSION = 3;
const HANDSHAKE_BYTES = 1536;
/** Section 5.4.1: a message is not longer, so neither is a chunk, whatever size was named. */
const MAX_CHUNK_BYTES = 0xffffff;
const MAX_NAMED_CHUNK_BYTES = 0x7fffffff;
const CONTROL_CHUNK_STREAM = 2;
const COMMAND_CHUNK_STREAM = 3;
const EMPTY = Buffer.alloc(0);
const MIN_WINDOW_BYTES = 64 * 1024;
/** User control events, section 7.1.7. */
const PING_REQUEST = 6;
const PING_RESPONSE = 7;

export abstract class GuardedRtmp extends Rtmp {
  protected ackWindowBytes = WINDOW_BYTES;
  readonly #chunks = new ChunkReader({
    isReading: () => this.isReading,
    planMessage: (type, length) => this.planMessage(type, length),
    onMessage: (message) => this.#dispatch(message),
    onBrokenMessage: () => this.onBrokenMessage(),
    onUnread: (bytes) => this.onUnread(bytes),
  });

  constructor(onOutput: (bytes: Uint8Array) => void) {
    super();
    this.flv = null; // 1 MiB that only a parser of FLV files needs
    this.onOutputCallback = onOutput;
  }

  /** Messages begun, of every kind: what a publisher costs besides its bytes. */
  get receivedMessages(): number {
    return this.#chunks.receivedMessages;
  }

  /** False: nothing is read until further notice; the rest goes to `onUnread`. */
  protected abstract get isReading(): boolean;
  /** What becomes of a message that begins. @throws RtmpProtocolError */
  protected abstract planMessage(type: number, length: number): MessagePlan;
  protected abstract onHandshakeDone(): void;
  /** A complete message that is no protocol control. */
  protected abstract onMessage(message: RtmpMessage): void;
  protected abstract onBrokenMessage(): void;
  /** Bytes that came while not reading; valid during the call only. */
  protected abstract onUnread(bytes: Buffer): void;

  /** Messages that came inside another one. */
  protected countMessages(count: number): void {
    this.#chunks.receivedMessages += count;
  }

  /** Lets go of everything that was being assembled. */
  protected forget(): void {
    this.#chunks.forget();
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
    this.#chunks.read(bytes.subarray(start, start + length));
    return null;
  }

  override sendInvokeMessage(streamId: number, message: InvokeMessage): void {
    // Not the package's encoder: it counts characters where AMF0 counts bytes.
    const values = [message.cmd, message.transId, message.cmdObj, message.info] as Amf0Input[];
    const payload = Buffer.from(encodeAmf0(...values));
    this.#send({ cid: COMMAND_CHUNK_STREAM, type: MESSAGE.command, streamId, payload });
  }

  #dispatch(message: RtmpMessage): void {
    const { type, payload } = message;
    if (type === MESSAGE.userControl) return this.#answerEvent(payload);
    if (type > MESSAGE.windowAckSize + 1) return this.onMessage(message);
    if (payload.length < 4) return;
    const value = payload.readUInt32BE();
    if (type === MESSAGE.setChunkSize) this.#setInChunkSize(value);
    else if (type === MESSAGE.abort) this.#chunks.abort(value);
    else if (type === MESSAGE.windowAckSize) {
      this.ackWindowBytes = Math.min(Math.max(value, MIN_WINDOW_BYTES), WINDOW_BYTES);
    }
  }

  #answerEvent(payload: Buffer): void {
    if (payload.length < 6 || payload.readUInt16BE() !== PING_REQUEST) return;
    const pong = Buffer.from(payload.subarray(0, 6));
    pong.writeUInt16BE(PING_RESPONSE);
    const { userControl: type } = MESSAGE;
    this.#send({ cid: CONTROL_CHUNK_STREAM, type, streamId: 0, payload: pong });
  }

  #setInChunkSize(size: number): void {
    if (size === 0 || size > MAX_NAMED_CHUNK_BYTES) {
      throw new RtmpProtocolError(`chunk size of ${size} bytes: 1 to 0x7fffffff is allowed`);
    }
    this.#chunks.chunkBytes = Math.min(size, MAX_CHUNK_BYTES);
  }

  #send(message: { cid: number; type: number; streamId: number; payload: Buffer }): void {
    const { cid, type, streamId, payload } = message;
    const { length } = payload;
    const header = { fmt: 0, cid, timestamp: 0, length, type, stream_id: streamId };
    this.onOutputCallback(Rtmp.chunksCreate({ header, payload }));
  }
}
