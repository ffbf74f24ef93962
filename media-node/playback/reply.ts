/**
 * What playback answers, before it becomes HTTP.
 */
import { type RefusalCode, REFUSALS } from "#shared/errors.ts";
import { newId } from "#shared/ids.ts";
import type { PlayableRendition } from "../live/playable-rendition.ts";

export type ReplyBody =
  | {
    readonly kind: "bytes";
    readonly content: Blob | Uint8Array<ArrayBuffer> | string;
    /** `content` at hand, where many are answered with it at one moment. */
    readonly bytes?: Uint8Array<ArrayBuffer>;
  }
  | {
    readonly kind: "stream";
    readonly stream: ReadableStream<Uint8Array>;
    /** Aborts when the reader's connection is to be closed at once. */
    readonly cut?: AbortSignal;
  }
  | null;

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ReplyBody;
};

export const CACHE = {
  /** Segments, parts, init segments: their URL is never used again. */
  forever: "public, max-age=31536000, immutable",
  /** A blocking reload names what it answers. */
  blocking: "public, max-age=6",
  plain: "public, max-age=1",
  vod: "public, max-age=3600",
  /** A video may be broadcast into again. */
  vodMultivariant: "public, max-age=60",
  never: "no-store",
} as const;

export const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

export function playlistReply(text: string, cacheControl: string): Reply {
  return {
    status: 200,
    headers: { "content-type": PLAYLIST_TYPE, "cache-control": cacheControl },
    body: { kind: "bytes", content: text },
  };
}

/** A long playlist is worth compressing: its lines differ in a number or two. */
const GZIP_FROM_CHARS = 8192;

/** The playlist of a live rendition, compressed when it is long and the reader takes that. */
export function liveReply(rendition: PlayableRendition, form: LiveForm): Reply {
  const text = rendition.render(form.isDelta);
  const reply = playlistReply(text, form.cacheControl);
  if (text.length < GZIP_FROM_CHARS) return reply;
  const headers = { ...reply.headers, vary: "accept-encoding" };
  if (!/\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(form.acceptEncoding ?? "")) {
    return { ...reply, headers };
  }
  return {
    ...reply,
    headers: { ...headers, "content-encoding": "gzip" },
    body: { kind: "bytes", content: rendition.renderGzip(form.isDelta) },
  };
}

/** How a reader wants a live playlist. */
export type LiveForm = {
  readonly isDelta: boolean;
  readonly cacheControl: string;
  readonly acceptEncoding: string | undefined;
};

/** A refusal as problem+json. @see RFC 9457 */
export function problemReply(code: RefusalCode, detail: string, retryAfterS?: number): Reply {
  const { status, title } = REFUSALS[code];
  const problem = { type: "about:blank", title, status, detail, code, requestId: newId() };
  return {
    status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": CACHE.never,
      ...(retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) }),
    },
    body: { kind: "bytes", content: JSON.stringify(problem) },
  };
}

/** The same reply with its bytes at hand. */
export async function withBytes(reply: Reply): Promise<Reply> {
  const { body } = reply;
  if (body?.kind !== "bytes") return reply;
  const bytes = await new Response(body.content).bytes();
  return { ...reply, body: { ...body, bytes } };
}
