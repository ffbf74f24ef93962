/**
 * The storage port: objects under keys like `images/<id>/1/512.webp`. Fits files and S3 alike:
 * whole-object writes that appear at once or not at all, ranged reads, prefix listing.
 */

export type Body = Uint8Array | ReadableStream<Uint8Array>;

export type PutOptions = {
  readonly contentType: string;
  /** More bytes than this abort the write, leave nothing behind and throw ObjectTooLargeError. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
};

/** First and last byte, both inclusive, as in HTTP. */
export type ByteRange = { readonly start: number; readonly end: number };

export type ObjectFacts = {
  readonly key: string;
  readonly bytes: number;
  readonly contentType: string;
  /** Strong: changes with the content. Quoted, ready for an ETag header. */
  readonly etag: string;
  readonly modifiedAt: Date;
};

export type StoredObject = ObjectFacts & {
  /** The bytes asked for; cancel it when it is not read to its end. */
  readonly body: ReadableStream<Uint8Array>;
};

export interface Storage {
  put(key: string, body: Body, options: PutOptions): Promise<ObjectFacts>;
  /** Null when there is no such object. A range beyond the end is cut to it. */
  get(key: string, range?: ByteRange): Promise<StoredObject | null>;
  head(key: string): Promise<ObjectFacts | null>;
  /** Deleting what is not there is fine. */
  delete(key: string): Promise<void>;
  /** Deletes every object whose key starts with `prefix`, which must end in `/`. */
  deletePrefix(prefix: string): Promise<void>;
  /** Keys and sizes below `prefix`, in key order. */
  list(prefix: string): AsyncIterable<{ readonly key: string; readonly bytes: number }>;
}

export class ObjectTooLargeError extends Error {
  override readonly name = "ObjectTooLargeError";
  readonly maxBytes: number;
  constructor(maxBytes: number) {
    super(`the object is larger than ${maxBytes} bytes`);
    this.maxBytes = maxBytes;
  }
}

/** A read or write failed: the disk is full, the service is away, the key is malformed. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly operation: string;
  readonly key: string;
  constructor(operation: string, key: string, cause: unknown) {
    super(`${operation} ${key}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.operation = operation;
    this.key = key;
  }
}

const KEY = /^(?!.*(?:^|\/)\.)[\w.-]+(?:\/[\w.-]+)*$/;

/** Whether `key` is made of plain names: no leading dot, no empty part, nothing to traverse with. */
export function isStorageKey(key: string): boolean {
  return key.length <= 500 && KEY.test(key);
}
