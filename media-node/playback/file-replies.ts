/**
 * Files and playlists as replies: from memory or from storage, with their conditions and ranges.
 */
import { isNotModified, rangeOf } from "#shared/http/conditions.ts";
import type { Storage } from "#shared/storage/port.ts";
import { CACHE, PLAYLIST_TYPE, problemReply, type Reply, type ReplyBody } from "./reply.ts";

/** What a condition or a range is read from. */
export type FileRequest = {
  readonly method: string;
  readonly header: (name: string) => string | undefined;
};

/**
 * What is read from storage before it is sent, because Bun's server tells no reader the length of a
 * stream. About what a socket takes at once, so that a slow reader holds none of it.
 */
const MAX_COLLECTED_BYTES = 4 * 2 ** 20;

export type MemoryFile = {
  readonly content: Blob;
  readonly etag: string;
  readonly contentType: string;
};

export function memoryReply(request: FileRequest, file: MemoryFile): Reply {
  const headers = fileHeaders(file);
  if (isNotModified(request.header("if-none-match"), file.etag)) return notModified(headers);
  const { content } = file;
  const range = rangeOf(rangeHeadersOf(request), content.size, file.etag);
  if (range.kind === "unsatisfiable") return unsatisfiable(content.size);
  if (range.kind === "whole") return { status: 200, headers, body: { kind: "bytes", content } };
  const { start, end } = range.range;
  return {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${start}-${end}/${content.size}` },
    body: { kind: "bytes", content: content.slice(start, end + 1) },
  };
}

export type StoredFile = {
  readonly key: string;
  readonly etag: string;
  readonly contentType: string;
};

/** Null when storage does not have it. */
export async function storedFileReply(
  storage: Storage,
  request: FileRequest,
  file: StoredFile,
): Promise<Reply | null> {
  const headers = fileHeaders(file);
  const facts = await storage.head(file.key);
  if (facts === null) return null;
  if (isNotModified(request.header("if-none-match"), file.etag)) return notModified(headers);
  const answered = rangeOf(rangeHeadersOf(request), facts.bytes, file.etag);
  if (answered.kind === "unsatisfiable") return unsatisfiable(facts.bytes);
  const range = answered.kind === "part"
    ? answered.range
    : { start: 0, end: Math.max(0, facts.bytes - 1) };
  const isWhole = answered.kind === "whole";
  const sized = { ...headers, "content-length": String(range.end - range.start + 1) };
  const ranged = { ...sized, "content-range": `bytes ${range.start}-${range.end}/${facts.bytes}` };
  if (request.method === "HEAD") return { status: 200, headers: sized, body: null };
  const object = await storage.get(file.key, isWhole ? undefined : range);
  if (object === null) return null;
  return {
    status: isWhole ? 200 : 206,
    headers: isWhole ? sized : ranged,
    body: await storedBody(object.body, range.end - range.start + 1),
  };
}

async function storedBody(stream: ReadableStream<Uint8Array>, bytes: number): Promise<ReplyBody> {
  if (bytes > MAX_COLLECTED_BYTES) return { kind: "stream", stream };
  return { kind: "bytes", content: await new Response(stream).blob() };
}

export type StoredPlaylist = {
  readonly key: string;
  readonly cacheControl: string;
  /** Another form of it, which the request asked for. */
  readonly rewrite?: (text: string) => string;
};

/** Null when storage does not have it. */
export async function storedPlaylistReply(
  storage: Storage,
  request: FileRequest,
  playlist: StoredPlaylist,
): Promise<Reply | null> {
  const object = await storage.get(playlist.key);
  if (object === null) return null;
  const etag = playlist.rewrite === undefined ? object.etag : object.etag.replace(/"$/, '-ts"');
  const headers = {
    "content-type": PLAYLIST_TYPE,
    "cache-control": playlist.cacheControl,
    // Which form it is may depend on who asks.
    vary: "icy-metadata",
    etag,
  };
  if (isNotModified(request.header("if-none-match"), etag)) {
    await object.body.cancel();
    return notModified(headers);
  }
  const text = await new Response(object.body).text();
  const content = playlist.rewrite?.(text) ?? text;
  return { status: 200, headers, body: { kind: "bytes", content } };
}

function fileHeaders(file: { etag: string; contentType: string }): Record<string, string> {
  return {
    "content-type": file.contentType,
    "cache-control": CACHE.forever,
    "accept-ranges": "bytes",
    etag: file.etag,
  };
}

function rangeHeadersOf(request: FileRequest) {
  // RFC 9110 14.2: ranges are defined for GET alone.
  const range = request.method === "GET" ? request.header("range") : undefined;
  return { range, ifRange: request.header("if-range") };
}

function notModified(headers: Record<string, string>): Reply {
  return { status: 304, headers, body: null };
}

function unsatisfiable(bytes: number): Reply {
  const reply = problemReply("BAD_REQUEST", `The file has ${bytes} bytes.`);
  return {
    ...reply,
    status: 416,
    headers: { ...reply.headers, "content-range": `bytes */${bytes}` },
  };
}
