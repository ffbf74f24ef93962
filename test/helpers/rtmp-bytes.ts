/**
 * RTMP as bytes, the publisher's side: what tests send, well-formed or not.
 * @see RTMP specification 1.0, section 5
 */
import { type Amf0Input, encodeAmf0 } from "#media-node/formats/flv/amf0.ts";

export type RtmpMessage = {
  readonly type: number;
  readonly payload: Uint8Array;
  /** Default 3. */
  readonly chunkStream?: number;
  readonly streamId?: number;
  readonly timestampMs?: number;
  /** Claimed instead of the payload's own length. */
  readonly claimedLength?: number;
  /** Default 128. */
  readonly chunkBytes?: number;
  /** Default true, as the specification wants it. */
  readonly repeatsExtendedTimestamp?: boolean;
};

export const RTMP_TYPE = {
  setChunkSize: 1,
  windowAckSize: 5,
  audio: 8,
  video: 9,
  data: 18,
  command: 20,
} as const;

const DEFAULT_CHUNK_BYTES = 128;
const HANDSHAKE_BYTES = 1536;

/** C0, C1 and C2 at once. */
export function handshakeBytes(): Buffer {
  const bytes = Buffer.alloc(1 + 2 * HANDSHAKE_BYTES, 0x5a);
  bytes[0] = 3;
  bytes.fill(0, 1, 9); // time and zero: the simple handshake
  return bytes;
}

/** `message` in chunks: type 0 first, then type 3. */
export function messageBytes(message: RtmpMessage): Buffer {
  const { type, payload, chunkStream = 3, streamId = 0, timestampMs = 0 } = message;
  const { chunkBytes = DEFAULT_CHUNK_BYTES, claimedLength = payload.length } = message;
  const isExtended = timestampMs >= 0xffffff;
  const header = Buffer.alloc(isExtended ? 15 : 11);
  header.writeUIntBE(isExtended ? 0xffffff : timestampMs, 0, 3);
  header.writeUIntBE(claimedLength, 3, 3);
  header[6] = type;
  header.writeUInt32LE(streamId, 7);
  if (isExtended) header.writeUInt32BE(timestampMs, 11);
  const isRepeated = isExtended && (message.repeatsExtendedTimestamp ?? true);
  const continuation = Buffer.concat([
    basicHeaderBytes(3, chunkStream),
    isRepeated ? header.subarray(11, 15) : Buffer.alloc(0),
  ]);
  const chunks: Uint8Array[] = [basicHeaderBytes(0, chunkStream), header];
  for (let offset = 0; offset < payload.length; offset += chunkBytes) {
    if (offset > 0) chunks.push(continuation);
    chunks.push(payload.subarray(offset, offset + chunkBytes));
  }
  return Buffer.concat(chunks);
}

/** What a chunk of `format` on `chunkStream` begins with: 1, 2 or 3 bytes. */
export function basicHeaderBytes(format: number, chunkStream: number): Buffer {
  if (chunkStream < 64) return Buffer.of((format << 6) | chunkStream);
  const id = chunkStream - 64;
  if (id < 256) return Buffer.of(format << 6, id);
  return Buffer.of((format << 6) | 1, id & 0xff, id >> 8);
}

/** `SetChunkSize`: what follows is to come in chunks of `size`. */
export function chunkSizeBytes(size: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(size);
  return messageBytes({ type: RTMP_TYPE.setChunkSize, payload, chunkStream: 2 });
}

/** A command message; `values` are transaction id, command object and arguments. */
export function commandBytes(name: string, ...values: readonly Amf0Input[]): Buffer {
  return messageBytes({ type: RTMP_TYPE.command, payload: encodeAmf0(name, ...values) });
}

/** `connect` as OBS sends it, for `app`. */
export function connectBytes(app: string): Buffer {
  const properties = {
    app,
    type: "nonprivate",
    flashVer: "FMLE/3.0 (compatible; test)",
    tcUrl: `rtmp://localhost/${app}`,
  };
  return commandBytes("connect", 1, properties);
}

/** Everything up to `publish`, in one piece. */
export function publishBytes(app: string, streamKey: string): Buffer {
  return Buffer.concat([
    handshakeBytes(),
    connectBytes(app),
    commandBytes("releaseStream", 2, null, streamKey),
    commandBytes("FCPublish", 3, null, streamKey),
    commandBytes("createStream", 4, null),
    publishCommandBytes(streamKey),
  ]);
}

/** The `publish` command on message stream 1. */
export function publishCommandBytes(streamKey: string): Buffer {
  const payload = encodeAmf0("publish", 5, null, streamKey, "live");
  return messageBytes({ type: RTMP_TYPE.command, payload, streamId: 1, chunkStream: 4 });
}

/** An AVC NALU tag body of `size` bytes. */
export function videoBody(size: number, isKeyframe = true): Uint8Array {
  const body = new Uint8Array(Math.max(size, 10)).fill(0x41);
  body.set([isKeyframe ? 0x17 : 0x27, 1, 0, 0, 0]);
  new DataView(body.buffer).setUint32(5, body.length - 9);
  return body;
}

/** A raw AAC tag body of `size` bytes. */
export function audioBody(size: number): Uint8Array {
  const body = new Uint8Array(Math.max(size, 3)).fill(0x21);
  body.set([0xaf, 1]);
  return body;
}

/** The payload of a data message in which an encoder describes its stream. */
export function metadataPayload(values: Readonly<Record<string, Amf0Input>>): Uint8Array {
  return encodeAmf0("@setDataFrame", "onMetaData", values);
}
