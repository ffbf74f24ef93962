/**
 * FLV as bytes: what ffmpeg reads on its stdin.
 * @see Adobe Flash Video File Format Specification 10.1, annex E
 */
import type { FlvTag } from "./flv-tag.ts";

const TAG_TYPE = { audio: 8, video: 9, script: 18 } as const;
const TAG_HEADER_BYTES = 11;

/** The file header, with the flags of the tracks that will really follow, and PreviousTagSize0. */
export function writeFlvHeader(tracks: { hasVideo: boolean; hasAudio: boolean }): Uint8Array {
  const flags = (tracks.hasVideo ? 1 : 0) | (tracks.hasAudio ? 4 : 0);
  return Uint8Array.of(0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, 9, 0, 0, 0, 0);
}

/** One tag with its PreviousTagSize; `timestampMs` replaces the tag's own time. */
export function writeFlvTag({ type, body }: FlvTag, timestampMs: number): Uint8Array {
  return writeFlvParts({ type, timestampMs, head: [], data: body });
}

/** A tag whose body is `head`, a few bytes, before `data`. */
export type FlvParts = {
  readonly type: FlvTag["type"];
  readonly timestampMs: number;
  readonly head: readonly number[];
  readonly data: Uint8Array;
};

/** One tag with its PreviousTagSize; its media is copied once. */
export function writeFlvParts({ type, timestampMs, head, data }: FlvParts): Uint8Array {
  const bodyBytes = head.length + data.length;
  const bytes = new Uint8Array(TAG_HEADER_BYTES + bodyBytes + 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (TAG_TYPE[type] << 24) | bodyBytes);
  // Timestamp: the low 24 bits first, then the high 8.
  view.setUint32(4, ((timestampMs & 0xffffff) << 8) | ((timestampMs >>> 24) & 0xff));
  bytes.set(head, TAG_HEADER_BYTES);
  bytes.set(data, TAG_HEADER_BYTES + head.length);
  view.setUint32(TAG_HEADER_BYTES + bodyBytes, TAG_HEADER_BYTES + bodyBytes);
  return bytes;
}
