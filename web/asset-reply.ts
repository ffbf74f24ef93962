/**
 * An asset over HTTP: in the smallest form that the reader takes.
 */
import type { Context } from "hono";
import { chooseCoding } from "#shared/http/content-coding.ts";
import { isNotModified } from "#shared/http/conditions.ts";
import type { Asset } from "./assets.ts";

/** The player is for pages of any origin, and its modules with it. */
export const FOR_ANY_PAGE = {
  "access-control-allow-origin": "*",
  "cross-origin-resource-policy": "cross-origin",
  "x-content-type-options": "nosniff",
};

/** Answers 200, 304, or 406 to who takes neither a coding that is there nor the plain form. */
export function replyWithAsset(c: Context, name: string, asset: Asset): Response {
  const { body, compressed = {} } = asset;
  const bodies = { identity: body, ...compressed };
  const available = (["br", "gzip"] as const).filter((coding) => bodies[coding] !== undefined);
  const coding = chooseCoding(c.req.header("accept-encoding"), available);
  c.header("vary", "accept-encoding");
  for (const [header, value] of Object.entries(FOR_ANY_PAGE)) c.header(header, value);
  const bytes = coding === null ? undefined : bodies[coding];
  if (coding === null || bytes === undefined) return c.body(null, 406);
  // Its name changes with its content. @see RFC 9110 section 8.8.3.3: each coding has its own.
  const etag = `"${name}${coding === "identity" ? "" : `-${coding}`}"`;
  c.header("etag", etag);
  c.header("cache-control", "public, max-age=31536000, immutable");
  if (isNotModified(c.req.header("if-none-match"), etag)) return c.body(null, 304);
  c.header("content-type", asset.contentType);
  if (coding !== "identity") c.header("content-encoding", coding);
  c.header("content-length", String(bytes.byteLength));
  return c.body(bytes, 200);
}
