/**
 * A streaming reader of `multipart/form-data`: parts come as they arrive, nothing is collected.
 * @see RFC 7578, RFC 2046 section 5.1
 */
import { Buffer } from "node:buffer";
import { AppError } from "#shared/errors.ts";
import { readHeaderValue } from "../http/header-parameters.ts";

/** One part; its body must be read to the end (or given up) before the next part. */
export type Part = {
  /** The form field. */
  readonly name: string;
  readonly body: AsyncGenerator<Uint8Array, void>;
};

const MAX_HEADER_BYTES = 8 * 1024;
const MAX_PARTS = 20;
const CRLF = "\r\n";
const MAX_BOUNDARY_LENGTH = 70; // RFC 2046 section 5.1.1
const BLANKS: ReadonlySet<number | undefined> = new Set([0x20, 0x09]);
const DISPOSITION = /^content-disposition[ \t]*:(.*)$/im;

/**
 * The boundary in a content type.
 * @throws AppError UNSUPPORTED_MEDIA_TYPE
 */
export function readBoundary(contentType: string | undefined): string {
  const { value, parameters } = readHeaderValue(contentType ?? "");
  const boundary = parameters.get("boundary") ?? "";
  const isLegal = boundary !== "" && boundary.length <= MAX_BOUNDARY_LENGTH;
  if (value === "multipart/form-data" && isLegal) return boundary;
  throw new AppError("UNSUPPORTED_MEDIA_TYPE", "expected multipart/form-data with a boundary");
}

export type PartsOptions = {
  readonly boundary: string;
  /** Of the whole body. */
  readonly maxBytes: number;
};

/**
 * The parts of `body`.
 * @throws AppError BAD_REQUEST when it is malformed or ends before its last boundary,
 * PAYLOAD_TOO_LARGE as soon as it has more than `maxBytes`
 */
export async function* readParts(
  body: ReadableStream<Uint8Array>,
  options: PartsOptions,
): AsyncGenerator<Part> {
  const source = new BoundaryReader(body, options);
  try {
    await source.skipPreamble();
    for (let count = 0; await source.hasPart(); count += 1) {
      if (count === MAX_PARTS) throw malformed(`more than ${MAX_PARTS} parts`);
      const name = readFieldName(await source.readHeaders());
      if (name === undefined) throw malformed("a part has no name");
      const content = source.readContent();
      yield { name, body: content };
      for await (const _rest of content); // what the caller did not want
    }
  } finally {
    await source.close();
  }
}

/** The form field that a part's headers name. @see RFC 7578 section 4.2 */
function readFieldName(headers: string): string | undefined {
  // RFC 5322 section 2.2.3: a line that begins with a blank goes on with the one before.
  const lines = headers.replaceAll(/\r\n[ \t]+/g, " ");
  const { value, parameters } = readHeaderValue(DISPOSITION.exec(lines)?.[1] ?? "");
  return value === "form-data" ? parameters.get("name") : undefined;
}

class BoundaryReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #delimiter: Buffer;
  /** Read and not yet handed on; never longer than a chunk plus a delimiter or the headers. */
  #pending: Buffer;
  #bytesLeft: number;

  constructor(body: ReadableStream<Uint8Array>, { boundary, maxBytes }: PartsOptions) {
    this.#reader = body.getReader();
    this.#bytesLeft = maxBytes;
    this.#delimiter = Buffer.from(`${CRLF}--${boundary}`, "latin1");
    // The first delimiter has no line before it: pretend it has.
    this.#pending = Buffer.from(CRLF);
  }

  async skipPreamble(): Promise<void> {
    for await (const _preamble of this.readContent());
  }

  /** After a delimiter: CRLF means one more part, `--` the end. */
  async hasPart(): Promise<boolean> {
    await this.#skipPadding();
    await this.#need(2);
    const mark = this.#pending.subarray(0, 2).toString("latin1");
    this.#pending = this.#pending.subarray(2);
    if (mark === "--") return false;
    if (mark === CRLF) return true;
    throw malformed("a boundary is followed by neither a line break nor --");
  }

  /** RFC 2046 section 5.1.1: blanks may stand between a boundary and its line break. */
  async #skipPadding(): Promise<void> {
    for (let skipped = 0; skipped < MAX_HEADER_BYTES; skipped += 1) {
      await this.#need(1);
      if (!BLANKS.has(this.#pending[0])) return;
      this.#pending = this.#pending.subarray(1);
    }
  }

  async readHeaders(): Promise<string> {
    for (;;) {
      const end = this.#pending.indexOf(CRLF + CRLF);
      if (end !== -1 && end <= MAX_HEADER_BYTES) {
        const headers = this.#pending.subarray(0, end).toString("utf8");
        this.#pending = this.#pending.subarray(end + 4);
        return headers;
      }
      if (this.#pending.length > MAX_HEADER_BYTES) throw malformed("a part's headers are too long");
      await this.#more();
    }
  }

  /** The bytes up to the next delimiter, which is consumed. */
  async *readContent(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const end = this.#pending.indexOf(this.#delimiter);
      if (end !== -1) {
        const last = this.#pending.subarray(0, end);
        this.#pending = this.#pending.subarray(end + this.#delimiter.length);
        if (last.length > 0) yield last;
        return;
      }
      // A delimiter may have begun in the last bytes.
      const safe = this.#pending.length - this.#delimiter.length + 1;
      if (safe > 0) {
        const ready = this.#pending.subarray(0, safe);
        // A copy: a view of these few bytes would hold all of the chunk while it waits for the next.
        this.#pending = Buffer.from(this.#pending.subarray(safe));
        yield ready;
      }
      const chunk = await this.#readChunk();
      if (this.#isSpanned(chunk)) {
        this.#pending = Buffer.concat([this.#pending, chunk]);
      } else {
        // Joining every chunk to the bytes before it would double what an upload allocates.
        if (this.#pending.length > 0) yield this.#pending;
        this.#pending = chunk;
      }
    }
  }

  /** Whether a delimiter may begin in the pending bytes and go on in `chunk`. */
  #isSpanned(chunk: Buffer): boolean {
    const reach = this.#delimiter.length - 1;
    if (chunk.length < reach) return true;
    return Buffer.concat([this.#pending, chunk.subarray(0, reach)]).includes(this.#delimiter);
  }

  /** Tells the sender to stop when not all was read. */
  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => {}); // it has failed already: nothing left to stop
  }

  async #need(bytes: number): Promise<void> {
    while (this.#pending.length < bytes) await this.#more();
  }

  async #more(): Promise<void> {
    this.#pending = Buffer.concat([this.#pending, await this.#readChunk()]);
  }

  async #readChunk(): Promise<Buffer> {
    const { done, value } = await this.#reader.read().catch(throwBrokenOff);
    if (done) throw malformed("it ends before its last boundary");
    this.#bytesLeft -= value.byteLength;
    if (this.#bytesLeft < 0) throw new AppError("PAYLOAD_TOO_LARGE", "the body is too large");
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
}

function throwBrokenOff(cause: unknown): never {
  throw new AppError("BAD_REQUEST", "the upload was broken off", { cause });
}

function malformed(why: string): AppError {
  return new AppError("BAD_REQUEST", `the multipart body is malformed: ${why}`);
}
