/**
 * Playback for pages of any origin.
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
import { CACHE, type Reply } from "./reply.ts";

/** On every reply: any page may play, and measure. */
export const COMMON_HEADERS: Readonly<Record<string, string>> = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers":
    "content-length, content-range, content-encoding, accept-ranges, etag, date, age, retry-after",
  "timing-allow-origin": "*",
  "x-content-type-options": "nosniff",
};

/** What players send beyond the headers that need no leave; asked for or not. */
const ALLOWED = ["range", "if-none-match", "if-range"];
/** No player asks for more, and a reply is no place to put a text in. */
const MAX_ASKED = 32;
const MAX_NAME_CHARS = 64;
/** RFC 9110 5.6.2, without what no header is called. */
const TOKEN = /^[a-z0-9_-]+$/;

/**
 * Leave to send the headers a page asks for: `Authorization` of a player that has a token, the
 * `CMCD-…` of one that tells how it does. Nothing here reads them, and no cookie comes along: the
 * origin is `*`. They are named one by one, because `*` does not cover `Authorization`.
 */
export function preflightReply(header: (name: string) => string | undefined): Reply {
  const asked = (header("access-control-request-headers") ?? "").toLowerCase().split(",")
    .slice(0, MAX_ASKED)
    .map((name) => name.trim())
    .filter((name) => name.length <= MAX_NAME_CHARS && TOKEN.test(name));
  return {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, HEAD, OPTIONS",
      "access-control-allow-headers": [...new Set([...ALLOWED, ...asked])].join(", "),
      "access-control-max-age": "86400",
      vary: "access-control-request-headers",
      "cache-control": CACHE.never,
    },
    body: null,
  };
}
