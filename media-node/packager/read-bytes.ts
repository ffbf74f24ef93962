/**
 * The bytes of a segment as viewers read them: as a Blob, which goes out any number of times at once
 * without being copied. They are held once: what has become a Blob is let go of as an array.
 */
import type { KeptPart, KeptSegment } from "./live-window.ts";

export function lengthOf({ bytes }: Pick<KeptPart, "bytes">): number {
  return bytes instanceof Blob ? bytes.size : bytes.length;
}

export function readPart(part: KeptPart): Blob {
  if (!(part.bytes instanceof Blob)) part.bytes = new Blob([part.bytes]);
  return part.bytes;
}

/** All of a complete segment; its parts are slices of it from then on. */
export function readWhole(segment: KeptSegment): Blob {
  if (segment.whole !== undefined) return segment.whole;
  const whole = new Blob(segment.parts.map(({ bytes }) => bytes));
  let offset = 0;
  for (const part of segment.parts) {
    const end = offset + lengthOf(part);
    part.bytes = whole.slice(offset, end);
    offset = end;
  }
  segment.whole = whole;
  return whole;
}
