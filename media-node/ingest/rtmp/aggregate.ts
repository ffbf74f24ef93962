/**
 * Aggregate messages: several audio, video and data messages in one, as FLV tags.
 * @see RTMP specification 1.0, section 7.1.6
 */
import { PROTOCOL_LIMITS } from "../admission/limits.ts";
import { type RtmpMessage, RtmpProtocolError } from "./messages.ts";

const TAG_HEADER_BYTES = 11;
const BACK_POINTER_BYTES = 4;

export type Aggregate = {
  readonly messages: readonly RtmpMessage[];
  /** The last one claims more bytes than there are. */
  readonly isCutOff: boolean;
};

/**
 * What is inside `aggregate`: its first message has its time, the others keep their distance.
 * @throws RtmpProtocolError when there are more than may be
 */
export function splitAggregate(aggregate: RtmpMessage): Aggregate {
  const { payload, streamId, timestampMs } = aggregate;
  const messages: RtmpMessage[] = [];
  let firstMs: number | null = null;
  let offset = 0;
  while (offset + TAG_HEADER_BYTES <= payload.length) {
    const type = payload.readUInt8(offset) & 0x1f;
    const start = offset + TAG_HEADER_BYTES;
    const end = start + payload.readUIntBE(offset + 1, 3);
    if (end > payload.length) return { messages, isCutOff: true };
    const ownMs = payload.readUIntBE(offset + 4, 3) + payload.readUInt8(offset + 7) * 2 ** 24;
    firstMs ??= ownMs;
    if (messages.length === PROTOCOL_LIMITS.aggregateMessages) {
      throw new RtmpProtocolError(`an aggregate of more than ${messages.length} messages`);
    }
    messages.push({
      type,
      streamId,
      timestampMs: (timestampMs + ownMs - firstMs) >>> 0,
      // A copy: what is kept of one does not keep the others.
      payload: Buffer.from(payload.subarray(start, end)),
    });
    offset = end + BACK_POINTER_BYTES;
  }
  return { messages, isCutOff: offset < payload.length };
}
