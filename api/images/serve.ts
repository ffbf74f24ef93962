/**
 * `serveVariant()`: a resized image from storage, cacheable for ever because its name changes with
 * its version.
 */
import type { Context } from "hono";
import { AppError } from "#shared/errors.ts";
import type { ImagePurpose } from "#shared/contracts/jobs.ts";
import { versionPrefix } from "#db/images.ts";
import type { Deps } from "../deps.ts";
import { parseVariantName } from "../http/image-body.ts";

const IMMUTABLE = "public, max-age=31536000, immutable";

/**
 * Answers a public name with its variant, or 304. The name alone leads to the object, so neither the
 * database nor an original can be reached from here.
 * @throws AppError NOT_FOUND
 */
export async function serveVariant(
  c: Context,
  { storage }: Pick<Deps, "storage">,
  purpose: ImagePurpose,
): Promise<Response> {
  const name = c.req.param("name") ?? "";
  const parsed = parseVariantName(name);
  if (parsed === null) throw unknown(name);
  const { imageId, version, variantName } = parsed;
  const key = `${versionPrefix(purpose, imageId, version)}/${variantName}`;
  const wanted = c.req.header("if-none-match");
  const facts = await storage.head(key);
  if (facts === null) throw unknown(name);

  c.header("cache-control", IMMUTABLE);
  c.header("etag", facts.etag);
  c.header("cross-origin-resource-policy", "cross-origin");
  if (wanted !== undefined && isMatch(wanted, facts.etag)) return c.body(null, 304);

  c.header("content-type", facts.contentType);
  c.header("content-length", String(facts.bytes));
  if (c.req.method === "HEAD") return c.body(null);
  const object = await storage.get(key);
  if (object === null) throw unknown(name);
  return c.body(object.body);
}

/** RFC 9110 section 13.1.2: weak comparison with any of a list, or `*`. */
function isMatch(header: string, etag: string): boolean {
  return header.trim() === "*" ||
    header.split(",").some((candidate) => candidate.trim().replace(/^W\//, "") === etag);
}

function unknown(name: string): AppError {
  return new AppError("NOT_FOUND", `there is no image ${name.slice(0, 80)}`);
}
