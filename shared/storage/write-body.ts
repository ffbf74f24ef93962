/**
 * Copies a body into a file, counting while it flows.
 */
import type { FileHandle } from "node:fs/promises";
import { type Body, ObjectTooLargeError, type PutOptions } from "./port.ts";

/** The body failed or was aborted by its owner: the storage is not to blame. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

/**
 * Writes all of `body` to `handle`; memory stays at one read of the source.
 * @throws ObjectTooLargeError past `maxBytes`, having cancelled the source; SourceError
 */
export async function writeBody(
  handle: FileHandle,
  body: Body,
  options: PutOptions,
): Promise<void> {
  const { maxBytes = Infinity } = options;
  let written = 0;
  for await (const bytes of readBody(body, options.signal)) {
    written += bytes.length;
    if (written > maxBytes) throw new ObjectTooLargeError(maxBytes);
    await writeFully(handle, bytes);
  }
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, offset, bytes.length - offset, null);
    offset += bytesWritten;
  }
}

async function* readBody(body: Body, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  if (body instanceof Uint8Array) {
    throwIfAborted(signal);
    yield body;
    return;
  }
  const reader = body.getReader();
  let isAtEnd = false;
  // Cancelling resolves a read that would otherwise wait for a client who is gone.
  const cancel = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    throwIfAborted(signal);
    for (;;) {
      const { done, value } = await readNext(reader);
      throwIfAborted(signal);
      isAtEnd = done;
      if (done) return;
      yield value;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    // Not awaited: a source that is slow to give up must not hold the write up.
    if (!isAtEnd) cancel();
    reader.releaseLock();
  }
}

async function readNext(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return await reader.read();
  } catch (error) {
    throw new SourceError("the body failed", { cause: error });
  }
}

function throwIfAborted(signal?: AbortSignal): void {
  if (signal?.aborted) throw new SourceError("the write was aborted", { cause: signal.reason });
}
