/**
 * `receiveImage()`: an uploaded image goes to storage as it arrives, checked by its own bytes.
 */
import { AppError } from "#shared/errors.ts";
import { randomName } from "#shared/ids.ts";
import { type ImageHeader, SNIFF_BYTES, sniffImage } from "#shared/images/sniff.ts";
import { ORIGINALS } from "#shared/contracts/jobs.ts";
import { ObjectTooLargeError, type Storage } from "#shared/storage/port.ts";
import { type Part, readBoundary, readParts } from "./multipart.ts";

export const MAX_IMAGE_BYTES = 10 * 1024 * 1024;
const MAX_PIXELS = 50_000_000;
const MIN_SIDE_PX = 16;
const MAX_SIDE_PX = 12_000;
/** Boundaries, headers and other fields round the file. */
const MAX_ENVELOPE_BYTES = 64 * 1024;

/**
 * The storage key of the original, once all of the form field `image` is stored. Nothing stays in
 * storage when it throws.
 * @throws AppError BAD_REQUEST, UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, IMAGE_TOO_LARGE,
 * UNSUPPORTED_IMAGE
 */
export async function receiveImage(storage: Storage, request: Request): Promise<string> {
  const boundary = readBoundary(request.headers.get("content-type") ?? undefined);
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > MAX_IMAGE_BYTES + MAX_ENVELOPE_BYTES) throw tooLarge();
  if (request.body === null) throw new AppError("BAD_REQUEST", "the body is empty");

  const maxBytes = MAX_IMAGE_BYTES + MAX_ENVELOPE_BYTES;
  let key: string | undefined;
  try {
    for await (const part of readParts(request.body, { boundary, maxBytes })) {
      if (part.name !== "image") continue;
      if (key !== undefined) throw new AppError("BAD_REQUEST", "there is more than one image");
      key = await storeOriginal(storage, part);
    }
  } catch (error) {
    if (key !== undefined) await storage.delete(key);
    throw error;
  }
  if (key !== undefined) return key;
  throw new AppError("VALIDATION_FAILED", "the form field image is missing", {
    errors: [{ pointer: "/image", detail: "expected a file" }],
  });
}

async function storeOriginal(storage: Storage, part: Part): Promise<string> {
  const { head, header, rest } = await readHeader(part.body);
  checkSize(header);
  // 165 bits: nobody guesses it, and nothing serves this prefix.
  const extension = header.format === "jpeg" ? "jpg" : header.format;
  const key = `${ORIGINALS}${randomName(32)}.${extension}`;
  try {
    await storage.put(key, toStream(head, rest), {
      contentType: `image/${header.format}`,
      maxBytes: MAX_IMAGE_BYTES,
    });
  } catch (error) {
    throw error instanceof ObjectTooLargeError ? tooLarge() : error;
  }
  return key;
}

type Opened = {
  readonly head: readonly Uint8Array[];
  readonly header: ImageHeader;
  readonly rest: Part["body"];
};

/** Reads until the file says what it is, at most SNIFF_BYTES. */
async function readHeader(rest: Part["body"]): Promise<Opened> {
  const head: Uint8Array[] = [];
  let bytes = 0;
  let tryAt = 1;
  while (bytes < SNIFF_BYTES) {
    const { done, value } = await rest.next();
    if (!done) {
      head.push(value);
      bytes += value.byteLength;
    }
    // Doubling: small chunks do not make it quadratic.
    if (bytes < tryAt && bytes < SNIFF_BYTES && !done) continue;
    tryAt = bytes * 2;
    const header = sniffImage(join(head, bytes));
    if (header !== null) return { head, header, rest };
    if (done) break;
  }
  throw new AppError(
    "UNSUPPORTED_IMAGE",
    "the file is not a JPEG, PNG, WebP, GIF or AVIF image, whatever its name says",
  );
}

function join(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const joined = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}

function checkSize({ width, height }: ImageHeader): void {
  const size = `the image has ${width} × ${height} pixels`;
  if (width > MAX_SIDE_PX || height > MAX_SIDE_PX || width * height > MAX_PIXELS) {
    throw new AppError(
      "IMAGE_TOO_LARGE",
      `${size}, at most ${MAX_SIDE_PX} a side and ${MAX_PIXELS / 1e6} million in all are accepted`,
    );
  }
  if (width < MIN_SIDE_PX || height < MIN_SIDE_PX) {
    throw new AppError("UNSUPPORTED_IMAGE", `${size}, at least ${MIN_SIDE_PX} a side are needed`);
  }
}

function toStream(
  head: readonly Uint8Array[],
  rest: Part["body"],
): ReadableStream<Uint8Array> {
  const first = [...head];
  return new ReadableStream({
    async pull(controller) {
      const next = first.shift();
      if (next !== undefined) return controller.enqueue(next);
      const { done, value } = await rest.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  }, { highWaterMark: 0 });
}

function tooLarge(): AppError {
  return new AppError(
    "PAYLOAD_TOO_LARGE",
    `an image may have at most ${MAX_IMAGE_BYTES} bytes (10 MiB)`,
  );
}
