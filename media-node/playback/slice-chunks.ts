/**
 * Ranges of what lies in memory in chunks.
 */
import type { ByteRange } from "#shared/storage/port.ts";

/** The bytes of `range` in what `chunks` are together; views, not copies. */
export function sliceChunks(chunks: readonly Uint8Array[], range: ByteRange): Uint8Array[] {
  const slices: Uint8Array[] = [];
  let offset = 0;
  for (const chunk of chunks) {
    const from = Math.max(0, range.start - offset);
    const to = Math.min(chunk.length, range.end + 1 - offset);
    if (from < to) slices.push(chunk.subarray(from, to));
    offset += chunk.length;
  }
  return slices;
}
