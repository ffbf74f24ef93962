/**
 * Storage in files: one file per object below a directory, under the object's own key.
 */
import { type FileHandle, mkdir, open, rename, rm, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { contentTypeOf, placeContentType, removeContentType } from "./fs-content-type.ts";
import { isMissing, keysBelow, removeEmptyParents, sweepIncoming } from "./fs-directory.ts";
import { readBytes } from "./fs-read.ts";
import {
  type Body,
  type ByteRange,
  isStorageKey,
  type ObjectFacts,
  ObjectTooLargeError,
  type PutOptions,
  type Storage,
  StorageError,
  type StoredObject,
} from "./port.ts";
import { SourceError, writeBody } from "./write-body.ts";

export type FileStorageOptions = {
  /** Made when missing. All processes of one machine may share it. */
  readonly directory: string;
};

/** Objects being written; a key has no leading dot, so nothing in here can be named by one. */
const INCOMING = ".incoming";
const PLACE_ATTEMPTS = 20;

/**
 * Storage whose objects are files.
 *
 * A write goes to a file of its own, is flushed to the disk and then renamed over the key: readers
 * see the old object or the new one, whole, also after a power cut. What a power cut may lose is
 * the rename of the last moments, never half an object. A key that is a prefix of another
 * (`a` and `a/b`) is a StorageError.
 */
export function createFileStorage(options: FileStorageOptions): Storage {
  return new FileStorage(options.directory);
}

class FileStorage implements Storage {
  readonly #directory: string;
  #swept: Promise<void> | undefined;
  #lastStampMs = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  put(key: string, body: Body, options: PutOptions): Promise<ObjectFacts> {
    return attempt("put", key, async () => {
      const { path, handle } = await this.#openIncoming();
      try {
        const facts = await this.#fill(handle, key, body, options);
        await this.#place(path, key, options.contentType);
        return facts;
      } catch (error) {
        await rm(path, { force: true });
        await removeEmptyParents(this.#directory, this.#path(key));
        throw error;
      }
    });
  }

  get(key: string, range?: ByteRange): Promise<StoredObject | null> {
    return attempt("get", key, async () => {
      const handle = await this.#open(key);
      if (handle === null) return null;
      try {
        const facts = await this.#facts(handle, key);
        if (facts !== null) return { ...facts, body: await readBytes(handle, facts.bytes, range) };
      } catch (error) {
        await handle.close();
        throw error;
      }
      await handle.close();
      return null;
    });
  }

  head(key: string): Promise<ObjectFacts | null> {
    return attempt("head", key, async () => {
      const handle = await this.#open(key);
      if (handle === null) return null;
      try {
        return await this.#facts(handle, key);
      } finally {
        await handle.close();
      }
    });
  }

  delete(key: string): Promise<void> {
    return attempt("delete", key, async () => {
      const path = this.#path(key);
      await unlink(path).catch(unlessMissing);
      await removeContentType(path);
      await removeEmptyParents(this.#directory, path);
    });
  }

  async deletePrefix(prefix: string): Promise<void> {
    if (!prefix.endsWith("/")) throw new StorageError("deletePrefix", prefix, malformed());
    await attempt("deletePrefix", prefix.slice(0, -1), async () => {
      const path = this.#path(prefix);
      await rm(path, { recursive: true, force: true }).catch(unlessMissing);
      await removeEmptyParents(this.#directory, path);
    });
  }

  async *list(prefix: string): AsyncIterable<{ readonly key: string; readonly bytes: number }> {
    const name = prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
    if (prefix !== "" && !isStorageKey(name)) throw new StorageError("list", prefix, malformed());
    try {
      yield* keysBelow(this.#directory, prefix);
    } catch (error) {
      throw new StorageError("list", prefix, error);
    }
  }

  #path(key: string): string {
    return join(this.#directory, key);
  }

  async #openIncoming(): Promise<{ path: string; handle: FileHandle }> {
    const directory = join(this.#directory, INCOMING);
    this.#swept ??= sweepIncoming(directory);
    await this.#swept;
    const path = join(directory, crypto.randomUUID());
    await mkdir(directory, { recursive: true });
    return { path, handle: await open(path, "wx", 0o640) };
  }

  async #fill(
    handle: FileHandle,
    key: string,
    body: Body,
    options: PutOptions,
  ): Promise<ObjectFacts> {
    try {
      await writeBody(handle, body, options);
      const stampS = this.#nextStampS();
      await handle.utimes(stampS, stampS);
      await handle.sync();
      return await readFacts(handle, key, options.contentType);
    } finally {
      await handle.close();
    }
  }

  /**
   * A modification time no other write has: the kernel's own clock ticks every 4 ms and inodes are
   * used again, so two writes in a row could otherwise share an etag. Half a millisecond is added
   * because some runtimes cut times to milliseconds.
   */
  #nextStampS(): number {
    this.#lastStampMs = Math.max(Date.now(), this.#lastStampMs + 1);
    return (this.#lastStampMs + 0.5) / 1000;
  }

  async #place(from: string, key: string, contentType: string): Promise<void> {
    const path = this.#path(key);
    for (let number = 1;; number += 1) {
      try {
        await mkdir(dirname(path), { recursive: true });
        await placeContentType(path, contentType, `${from}.type`);
        await rename(from, path);
        return;
      } catch (error) {
        // Someone deleted the last object next to it and with it the directory just made.
        if (!isMissing(error) || number === PLACE_ATTEMPTS) throw error;
      }
    }
  }

  async #open(key: string): Promise<FileHandle | null> {
    try {
      return await open(this.#path(key), "r");
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async #facts(handle: FileHandle, key: string): Promise<ObjectFacts | null> {
    if (!(await handle.stat()).isFile()) return null;
    return await readFacts(handle, key, await contentTypeOf(this.#path(key)));
  }
}

async function readFacts(
  handle: FileHandle,
  key: string,
  contentType: string,
): Promise<ObjectFacts> {
  const { size, mtimeMs, ino } = await handle.stat();
  const stampMs = Math.floor(mtimeMs);
  return {
    key,
    bytes: size,
    contentType,
    etag: `"${[size, stampMs, ino].map((part) => part.toString(36)).join("-")}"`,
    modifiedAt: new Date(stampMs),
  };
}

/** Runs `action` on a well-formed key; what fails is a StorageError unless the caller caused it. */
async function attempt<T>(operation: string, key: string, action: () => Promise<T>): Promise<T> {
  if (!isStorageKey(key)) throw new StorageError(operation, key, malformed());
  try {
    return await action();
  } catch (error) {
    if (error instanceof SourceError) throw error.cause;
    if (error instanceof ObjectTooLargeError) throw error;
    throw new StorageError(operation, key, error);
  }
}

function malformed(): TypeError {
  return new TypeError("the key is malformed: expected plain names separated by /");
}

function unlessMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
