/**
 * `serveObject()`: an object from storage over HTTP, whole or in part.
 */
import type { Context } from "hono";
import { AppError } from "#shared/errors.ts";
import { isNotModified, rangeOf } from "#shared/http/conditions.ts";
import type { Storage } from "#shared/storage/port.ts";

export type ServeOptions = {
  readonly key: string;
  readonly cacheControl: string;
  /** The name a browser saves it under; shown in the page when left out. */
  readonly fileName?: string;
};

/**
 * Answers 200, 206 for a range, or 304.
 * @throws AppError NOT_FOUND, RANGE_NOT_SATISFIABLE
 * @see RFC 9110 sections 13 and 14
 */
export async function serveObject(
  c: Context,
  storage: Storage,
  { key, cacheControl, fileName }: ServeOptions,
): Promise<Response> {
  const facts = await storage.head(key);
  if (facts === null) throw missing();
  const { bytes, etag, contentType } = facts;
  c.header("cache-control", cacheControl);
  c.header("etag", etag);
  c.header("accept-ranges", "bytes");
  if (isNotModified(c.req.header("if-none-match"), etag)) return c.body(null, 304);

  const headers = { range: c.req.header("range"), ifRange: c.req.header("if-range") };
  const answer = rangeOf(headers, bytes, etag);
  if (answer.kind === "unsatisfiable") {
    c.header("content-range", `bytes */${bytes}`);
    throw new AppError("RANGE_NOT_SATISFIABLE", `the file has ${bytes} bytes`);
  }
  const range = answer.kind === "part" ? answer.range : { start: 0, end: bytes - 1 };
  const status = answer.kind === "part" ? 206 : 200;
  if (status === 206) c.header("content-range", `bytes ${range.start}-${range.end}/${bytes}`);
  c.header("content-type", contentType);
  c.header("content-length", String(range.end - range.start + 1));
  if (fileName !== undefined) c.header("content-disposition", attachment(fileName));
  if (c.req.method === "HEAD") return c.body(null, status);
  const object = await storage.get(key, status === 206 ? range : undefined);
  if (object === null) throw missing();
  return c.body(object.body, status);
}

function missing(): AppError {
  return new AppError("NOT_FOUND", "the file is not there (any more)");
}

/** RFC 6266: a plain name for old readers, the true one in UTF-8. */
function attachment(fileName: string): string {
  const plain = fileName.replaceAll(/[^\w. -]/g, "_");
  const encoded = encodeURIComponent(fileName)
    .replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
