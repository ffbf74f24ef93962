/**
 * What an engine must know of a source's tag: whether it is a header, and when it is shown.
 * @see Adobe Flash Video File Format Specification 10.1, annex E.4.3
 */
import type { FlvTag } from "../formats/media.ts";

const AAC = 10;

/** A decoder configuration: handed over at the start of an engine, not among the media. */
export function isSequenceHeader({ type, body }: FlvTag): boolean {
  if (type === "audio") return (body[0] ?? 0) >> 4 === AAC && body[1] === 0;
  return type === "video" && body[1] === 0;
}

export function isVideoKeyframe({ type, body }: FlvTag): boolean {
  return type === "video" && (body[0] ?? 0) >> 4 === 1 && body[1] === 1;
}

/** Presentation time in ms: video may be shown later than it is decoded. */
export function ptsMsOf({ type, dtsMs, body }: FlvTag): number {
  if (type !== "video" || body.length < 5) return dtsMs;
  return dtsMs + readInt24(body, 2);
}

function readInt24(bytes: Uint8Array, at: number): number {
  const value = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  return (value << 8) >> 8;
}
