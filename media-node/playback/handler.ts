/**
 * Playback as a function: a request in, a reply out. Live from memory, the rest from storage.
 */
import { isNotModified, rangeOf } from "#shared/http/conditions.ts";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { type Storage, StorageError } from "#shared/storage/port.ts";
import type { LiveRegistry } from "../live/live-registry.ts";
import type { LiveRendition, ReloadAnswer, ReloadTarget } from "../packager/rendition.ts";
import { flvReply } from "./flv-reply.ts";
import {
  CACHE,
  liveReply,
  PLAYLIST_TYPE,
  playlistReply,
  problemReply,
  type Reply,
  type ReplyBody,
} from "./reply.ts";
import type { SharedReloads } from "./shared-reloads.ts";
import { startNeedOf } from "./start-need.ts";
import { type Directives, directivesOf, nameOf, type PlaybackRoute, routeOf } from "./routes.ts";

export type PlaybackDeps = {
  readonly storage: Storage;
  readonly live: LiveRegistry;
  readonly log: Logger;
  /** What a server with many viewers brings along; without it each request waits by itself. */
  readonly reloads?: SharedReloads;
};

export type PlaybackRequest = {
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  readonly header: (name: string) => string | undefined;
  /** Tells viewers apart. */
  readonly viewer: string;
};

/** How long a viewer who comes before the first picture is kept waiting. */
const START_PATIENCE_MS = 8000;

/**
 * What is read from storage before it is sent, because Bun's server tells no reader the length of a
 * stream. About what a socket takes at once, so that a slow reader holds none of it.
 */
const MAX_COLLECTED_BYTES = 4 * 2 ** 20;

type RouteOf<Kind> = Extract<PlaybackRoute, { kind: Kind }>;

/** Answers every request; nothing but a bug makes it reject. */
export function handlePlayback(deps: PlaybackDeps, request: PlaybackRequest): Promise<Reply> {
  const shared = request.method === "GET" ? deps.reloads?.find(request.target) : undefined;
  if (shared === undefined) return answerAlone(deps, request);
  deps.live.noteViewer(shared.videoUrl, request.viewer);
  return shared.reply;
}

async function answerAlone(deps: PlaybackDeps, request: PlaybackRequest): Promise<Reply> {
  if (request.method === "OPTIONS") return preflightReply();
  if (request.method !== "GET" && request.method !== "HEAD") {
    const reply = problemReply("METHOD_NOT_ALLOWED", "Playback answers GET, HEAD and OPTIONS.");
    return { ...reply, headers: { ...reply.headers, allow: "GET, HEAD, OPTIONS" } };
  }
  const [path = "", query = ""] = request.target.split("?", 2);
  const route = routeOf(path);
  if (route === null) return problemReply("NOT_FOUND", "There is nothing at this address.");
  try {
    return await answer(deps, request, route, new URLSearchParams(query));
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    deps.log.warn("playback.storage_failed", { reason: messageOf(error) });
    return problemReply("UNAVAILABLE", "The recording cannot be read right now.", 2);
  }
}

async function answer(
  deps: PlaybackDeps,
  request: PlaybackRequest,
  route: PlaybackRoute,
  query: URLSearchParams,
): Promise<Reply> {
  switch (route.kind) {
    case "live":
      return {
        status: 200,
        headers: { "content-type": "application/json", "cache-control": CACHE.never },
        body: { kind: "bytes", content: describeHealth() },
      };
    case "multivariant":
      return await multivariantReply(deps, request, route, query.get("wait") === "YES");
    case "flv":
      return await flvReply(deps.live, route.videoUrl, request.method === "HEAD");
    case "playlist": {
      const directives = directivesOf(query);
      if (typeof directives === "string") return problemReply("BAD_REQUEST", directives);
      return await mediaPlaylistReply(deps, request, route, directives);
    }
    case "file":
      return await fileReply(deps, request, route);
    default:
      return route satisfies never;
  }
}

/** The time is for players: how far behind live they are depends on our clock, not on theirs. */
function describeHealth(): string {
  return JSON.stringify({ status: "ok", now: new Date().toISOString() });
}

async function multivariantReply(
  deps: PlaybackDeps,
  request: PlaybackRequest,
  route: RouteOf<"multivariant">,
  /** `?wait=YES`: who waits for a start that nobody has announced yet need not ask all the time. */
  isPatient: boolean,
): Promise<Reply> {
  const { videoUrl } = route;
  const broadcast = await deps.live.waitUntilPlayable(videoUrl, START_PATIENCE_MS, isPatient);
  if (broadcast !== null && !broadcast.isArchived) {
    deps.live.noteViewer(videoUrl, request.viewer);
    return playlistReply(broadcast.renderMultivariant(), CACHE.plain);
  }
  return await storedPlaylistReply(deps, request, {
    key: `videos/${videoUrl}/index.m3u8`,
    cacheControl: CACHE.vodMultivariant,
  }) ?? problemReply("NOT_FOUND", "This video is not live, and there is no recording of it.");
}

async function mediaPlaylistReply(
  deps: PlaybackDeps,
  request: PlaybackRequest,
  route: RouteOf<"playlist">,
  directives: Directives,
): Promise<Reply> {
  const rendition = liveRenditionOf(deps, route);
  if (rendition === null || deps.live.get(route.videoUrl)?.isArchived) {
    return await storedPlaylistReply(deps, request, {
      key: `videos/${route.videoUrl}/${route.epoch}/${route.rendition}/index.m3u8`,
      cacheControl: CACHE.vod,
    }) ?? problemReply("NOT_FOUND", "This rendition is not live, and it was not recorded.");
  }
  deps.live.noteViewer(route.videoUrl, request.viewer);
  const reply = reloadReply(rendition, directives, request);
  const { target, method } = request;
  if (method !== "GET" || directives.msn === null || deps.reloads === undefined) return await reply;
  return await deps.reloads.share(target, route.videoUrl, reply);
}

async function reloadReply(
  rendition: LiveRendition,
  directives: Directives,
  { header }: PlaybackRequest,
): Promise<Reply> {
  const { msn, part, isDelta } = directives;
  const answered = msn === null
    ? await waitForStart(rendition, startNeedOf(directives.takesParts, header("user-agent")))
    : await rendition.waitFor({ msn, part });
  const refusal = refusalOf(answered);
  if (refusal !== null) return refusal;
  // What many wait for is one reply for all of them, whatever they accept.
  if (msn !== null) return playlistReply(rendition.render(isDelta), CACHE.blocking);
  const acceptEncoding = header("accept-encoding");
  return liveReply(rendition, { isDelta, cacheControl: CACHE.plain, acceptEncoding });
}

/** Waits until a player has something to begin with. */
async function waitForStart(
  rendition: LiveRendition,
  need: ReloadTarget | null,
): Promise<ReloadAnswer> {
  if (need === null) return await rendition.waitFor(null);
  const answered = await rendition.waitFor(need, START_PATIENCE_MS);
  // Whoever has waited long enough gets what there is.
  return rendition.report() === null ? answered : "ready";
}

function refusalOf(answered: ReloadAnswer): Reply | null {
  if (answered === "tooFar") {
    return problemReply("BAD_REQUEST", "That segment is too far ahead of the live edge.");
  }
  if (answered === "timedOut") {
    return problemReply("UNAVAILABLE", "What was asked for did not come in time.", 1);
  }
  return null;
}

async function fileReply(
  deps: PlaybackDeps,
  request: PlaybackRequest,
  route: RouteOf<"file">,
): Promise<Reply> {
  const { file } = route;
  const name = nameOf(file);
  const etag = `"${route.epoch}-${route.rendition}-${name}"`;
  const rendition = liveRenditionOf(deps, route);
  // RFC 8216bis 6.2.5.3: a request for the hinted part waits for it.
  if (file.kind === "part") await rendition?.waitForPart(file.number);
  const content = rendition?.read(file) ?? null;
  if (content !== null) return memoryReply(request, { content, etag, contentType: typeOf(name) });
  const missing = problemReply("NOT_FOUND", "There is no such file (any more, or yet).");
  if (file.kind === "part") return missing;
  return await storedFileReply(deps, request, {
    key: `videos/${route.videoUrl}/${route.epoch}/${route.rendition}/${name}`,
    etag,
    contentType: typeOf(name),
  }) ?? missing;
}

function liveRenditionOf(
  deps: PlaybackDeps,
  route: RouteOf<"playlist"> | RouteOf<"file">,
): LiveRendition | null {
  const broadcast = deps.live.get(route.videoUrl);
  if (broadcast === null || broadcast.epoch !== route.epoch) return null;
  return broadcast.rendition(route.rendition) ?? null;
}

type MemoryFile = {
  readonly content: Blob;
  readonly etag: string;
  readonly contentType: string;
};

function memoryReply(request: PlaybackRequest, file: MemoryFile): Reply {
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

type StoredFile = { readonly key: string; readonly etag: string; readonly contentType: string };

async function storedFileReply(
  deps: PlaybackDeps,
  request: PlaybackRequest,
  file: StoredFile,
): Promise<Reply | null> {
  const headers = fileHeaders(file);
  const facts = await deps.storage.head(file.key);
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
  const object = await deps.storage.get(file.key, isWhole ? undefined : range);
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

type StoredPlaylist = { readonly key: string; readonly cacheControl: string };

async function storedPlaylistReply(
  deps: PlaybackDeps,
  request: PlaybackRequest,
  playlist: StoredPlaylist,
): Promise<Reply | null> {
  const object = await deps.storage.get(playlist.key);
  if (object === null) return null;
  const headers = {
    "content-type": PLAYLIST_TYPE,
    "cache-control": playlist.cacheControl,
    etag: object.etag,
  };
  if (isNotModified(request.header("if-none-match"), object.etag)) {
    await object.body.cancel();
    return notModified(headers);
  }
  const content = new Uint8Array(await new Response(object.body).arrayBuffer());
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

function rangeHeadersOf(request: PlaybackRequest) {
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

function typeOf(name: string): string {
  return name.endsWith(".mp4") ? "video/mp4" : "video/iso.segment";
}

function preflightReply(): Reply {
  return {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, HEAD, OPTIONS",
      "access-control-allow-headers": "range, if-none-match, if-range",
      "access-control-max-age": "86400",
      "cache-control": CACHE.never,
    },
    body: null,
  };
}
