/**
 * Ranged reads of a file as a stream that owns its handle.
 */
import type { FileHandle } from "node:fs/promises";
import type { ByteRange } from "./port.ts";

const READ_BYTES = 64 * 1024;

/**
 * The bytes of `range` (default: all) of a file of `size` bytes. Closes `handle` at the end, on
 * cancel and on failure; a range of up to 64 KiB is read at once and holds no handle at all.
 * @throws RangeError when the range is no range
 */
export async function readBytes(
  handle: FileHandle,
  size: number,
  range: ByteRange = { start: 0, end: Infinity },
): Promise<ReadableStream<Uint8Array>> {
  const { start, end } = range;
  if (!(start >= 0 && end >= start)) throw new RangeError(`expected a byte range: ${start}-${end}`);
  const stop = Math.min(end + 1, size);
  if (stop - start > READ_BYTES) return streamBytes(handle, start, stop);
  const bytes = await readUpTo(handle, start, Math.max(stop - start, 0));
  await handle.close();
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

function streamBytes(handle: FileHandle, start: number, stop: number): ReadableStream<Uint8Array> {
  let position = start;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const bytes = await readUpTo(handle, position, Math.min(READ_BYTES, stop - position));
        if (bytes.length === 0) throw new Error(`the file ended at ${position}, not at ${stop}`);
        position += bytes.length;
        controller.enqueue(bytes);
      } catch (error) {
        await handle.close();
        throw error;
      }
      if (position < stop) return;
      await handle.close();
      controller.close();
    },
    cancel: () => handle.close(),
  }, { highWaterMark: 0 });
}

async function readUpTo(
  handle: FileHandle,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
