/**
 * Cursor pages: `?limit=1…100&cursor=…`, the next page in a `Link` header.
 * @see RFC 8288
 */
import type { Context } from "hono";
import * as z from "zod";
import type { Page, Paged } from "#db/page.ts";
import { AppError } from "#shared/errors.ts";
import type { PublicUrls } from "../deps.ts";

/** The query of every list. */
export const pageQuerySchema = z.object({
  limit: z.coerce.number<string | number>().int().min(1).max(100).default(20),
  cursor: z.string().min(1).max(100).optional().describe("From the Link header of the page before"),
});
export type PageQuery = z.output<typeof pageQuerySchema>;

/** The page that `query` asks for. @throws AppError INVALID_CURSOR */
export function toPage(query: PageQuery): Page {
  const { limit, cursor } = query;
  return { limit, after: cursor === undefined ? null : decodeCursor(cursor) };
}

/** Sets the `Link` header when there is a page after `paged`. */
export function linkNext(c: Context, urls: PublicUrls, paged: Paged<unknown>): void {
  if (paged.next === null) return;
  const { pathname, searchParams } = new URL(c.req.url);
  searchParams.set("cursor", encodeCursor(paged.next));
  c.header("link", `<${urls.api}${pathname}?${searchParams}>; rel="next"`);
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

// An id is no secret; base64 only says that a cursor is not to be taken apart or made up.
function encodeCursor(id: string): string {
  return btoa(id).replaceAll("=", "");
}

function decodeCursor(cursor: string): string {
  const id = decodeBase64(cursor);
  if (id === null || !UUID.test(id)) {
    throw new AppError("INVALID_CURSOR", "expected the cursor of a Link header", {
      errors: [{ pointer: "/cursor", detail: "is not one of ours" }],
    });
  }
  return id;
}

function decodeBase64(text: string): string | null {
  try {
    return atob(text);
  } catch {
    return null;
  }
}
