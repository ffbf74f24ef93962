/**
 * The bytes of a segment as viewers read them: as a Blob, which goes out any number of times at once
 * without being copied. They are held once: what has become a Blob is let go of as an array.
 */
import type { KeptBytes, KeptPart, KeptSegment } from "./live-window.ts";

export function lengthOf(bytes: KeptBytes): number {
  return bytes instanceof Blob ? bytes.size : bytes.length;
}

/** Null when the part is no longer kept beside its segment. */
export function readPart(part: KeptPart): Blob | null {
  if (part.bytes === null) return null;
  if (!(part.bytes instanceof Blob)) part.bytes = new Blob([part.bytes]);
  return part.bytes;
}

/** All of a segment; null while it is open. */
export function readWhole(segment: KeptSegment): Blob | null {
  if (segment.whole === null) return null;
  if (!(segment.whole instanceof Blob)) segment.whole = new Blob([segment.whole]);
  return segment.whole;
}
