/**
 * Playback as a function: a request in, a reply out. Live from memory, the rest from storage.
 */
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { type Storage, StorageError } from "#shared/storage/port.ts";
import type { ReloadAnswer, ReloadTarget } from "../hls/msn.ts";
import type { LiveRegistry } from "../live/live-registry.ts";
import type { PlayableRendition, RenditionFile } from "../live/playable-rendition.ts";
import { preflightReply } from "./cors.ts";
import { memoryReply, storedFileReply, storedPlaylistReply } from "./file-replies.ts";
import { flvReply } from "./flv-reply.ts";
import { CACHE, liveReply, playlistReply, problemReply, type Reply, withBytes } from "./reply.ts";
import type { SharedReloads } from "./shared-reloads.ts";
import { type SegmentShift, shiftedSegment, shiftOf } from "./shifted-segment.ts";
import { startNeedOf } from "./start-need.ts";
import { type Directives, directivesOf, nameOf, type PlaybackRoute, routeOf } from "./routes.ts";
import { storyboardReply } from "./storyboard-reply.ts";
import {
  needsTransportStream,
  opensTransportStream,
  tsMultivariant,
  tsPlaylist,
  tsSegment,
} from "./transport-stream.ts";

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

type RouteOf<Kind> = Extract<PlaybackRoute, { kind: Kind }>;

/** Answers every request; nothing but a bug makes it reject. */
export function handlePlayback(deps: PlaybackDeps, request: PlaybackRequest): Promise<Reply> {
  const shared = request.method === "GET" ? deps.reloads?.find(request.target) : undefined;
  if (shared === undefined || (shared.isFile && hasConditions(request))) {
    return answerAlone(deps, request);
  }
  deps.live.noteViewer(shared.videoUrl, request.viewer);
  return shared.reply;
}

async function answerAlone(deps: PlaybackDeps, request: PlaybackRequest): Promise<Reply> {
  if (request.method === "OPTIONS") return preflightReply(request.header);
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
      // `?wait=PUBLISHER`: who has things to make ready hears of a start before it can be played.
      return query.get("wait") === "PUBLISHER"
        ? await publisherReply(deps, route)
        : await multivariantReply(deps, request, route, query.get("wait") === "YES");
    case "flv":
      return await flvReply(deps.live, route.videoUrl, request.method === "HEAD");
    case "storyboard":
    case "storyboardImage":
      return storyboardReply(deps.live.storyboards, request, route);
    case "playlist": {
      const directives = directivesOf(query);
      if (typeof directives === "string") return problemReply("BAD_REQUEST", directives);
      return await mediaPlaylistReply(deps, request, route, directives);
    }
    case "tsPlaylist":
      return await recordedPlaylistReply(deps, request, route);
    case "file": {
      const shift = shiftOf(query);
      if (typeof shift === "string") return problemReply("BAD_REQUEST", shift);
      return shift === null || route.file.kind !== "segment"
        ? await sharedFileReply(deps, request, route)
        : await shiftedSegmentReply(deps, request, route, shift);
    }
    case "tsSegment":
      return await tsSegmentReply(deps, request, route);
    default:
      return route satisfies never;
  }
}

/** The time is for players: how far behind live they are depends on our clock, not on theirs. */
function describeHealth(): string {
  return JSON.stringify({ status: "ok", now: new Date().toISOString() });
}

async function publisherReply(
  { live }: PlaybackDeps,
  { videoUrl }: RouteOf<"multivariant">,
): Promise<Reply> {
  if (!await live.waitUntilAnnounced(videoUrl, START_PATIENCE_MS)) {
    return problemReply("NOT_FOUND", "Nobody publishes this video.");
  }
  return { status: 204, headers: { "cache-control": CACHE.never }, body: null };
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
  const stored = await storedPlaylistReply(deps.storage, request, {
    key: `videos/${videoUrl}/index.m3u8`,
    cacheControl: CACHE.vodMultivariant,
    ...(needsTransportStream(request.header) && { rewrite: tsMultivariant }),
  });
  return stored ??
    problemReply("NOT_FOUND", "This video is not live, and there is no recording of it.");
}

async function mediaPlaylistReply(
  deps: PlaybackDeps,
  request: PlaybackRequest,
  route: RouteOf<"playlist">,
  directives: Directives,
): Promise<Reply> {
  const rendition = liveRenditionOf(deps, route);
  if (rendition === null || deps.live.get(route.videoUrl)?.isArchived) {
    return await recordedPlaylistReply(deps, request, route);
  }
  deps.live.noteViewer(route.videoUrl, request.viewer);
  const reply = reloadReply(rendition, directives, request);
  const { target, method } = request;
  if (method !== "GET" || directives.msn === null || deps.reloads === undefined) return await reply;
  return await deps.reloads.share(target, {
    videoUrl: route.videoUrl,
    isFile: false,
    reply: reply.then(withBytes),
  });
}

async function recordedPlaylistReply(
  deps: PlaybackDeps,
  request: PlaybackRequest,
  route: RouteOf<"playlist"> | RouteOf<"tsPlaylist">,
): Promise<Reply> {
  const isTs = route.kind === "tsPlaylist" || opensTransportStream(request.header);
  const stored = await storedPlaylistReply(deps.storage, request, {
    key: `videos/${route.videoUrl}/${route.epoch}/${route.rendition}/index.m3u8`,
    cacheControl: CACHE.vod,
    ...(isTs && { rewrite: tsPlaylist }),
  });
  return stored ??
    problemReply("NOT_FOUND", "This rendition is not live, and it was not recorded.");
}

async function reloadReply(
  rendition: PlayableRendition,
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
  rendition: PlayableRendition,
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

/** Everybody asks for the hinted part before it is there. */
async function sharedFileReply(
  deps: PlaybackDeps,
  request: PlaybackRequest,
  route: RouteOf<"file">,
): Promise<Reply> {
  const reply = fileReply(deps, request, route);
  const isShared = route.file.kind === "part" && request.method === "GET" &&
    !hasConditions(request);
  if (deps.reloads === undefined || !isShared) return await reply;
  return await deps.reloads.share(request.target, {
    videoUrl: route.videoUrl,
    isFile: true,
    reply: reply.then(withBytes),
  });
}

function hasConditions({ header }: PlaybackRequest): boolean {
  return header("range") !== undefined || header("if-none-match") !== undefined;
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
  if (file.kind === "part") return missingFile();
  return await storedFileReply(deps.storage, request, {
    key: keyOf(route, file),
    etag,
    contentType: typeOf(name),
  }) ?? missingFile();
}

/** A segment as transport stream. */
async function tsSegmentReply(
  deps: PlaybackDeps,
  request: PlaybackRequest,
  route: RouteOf<"tsSegment">,
): Promise<Reply> {
  const [init, segment] = await readWithInit(deps, route, route);
  const content = init && segment && tsSegment(init, segment);
  if (content === null) return missingFile();
  const etag = `"${route.epoch}-${route.rendition}-${route.msn}-${route.initNumber}-ts"`;
  return memoryReply(request, { content, etag, contentType: "video/mp2t" });
}

/** A segment at the times a clip gives it. */
async function shiftedSegmentReply(
  deps: PlaybackDeps,
  request: PlaybackRequest,
  route: RouteOf<"file">,
  { shiftMs, initNumber }: SegmentShift,
): Promise<Reply> {
  const { epoch, rendition, file: { number: msn } } = route;
  const [init, segment] = await readWithInit(deps, route, { msn, initNumber });
  const content = init && segment && shiftedSegment(init, segment, shiftMs);
  if (content === null) return missingFile();
  const etag = `"${epoch}-${rendition}-${msn}-${initNumber}-${shiftMs}"`;
  return memoryReply(request, { content, etag, contentType: typeOf(nameOf(route.file)) });
}

/** A segment and the init segment that describes it, of what memory or storage has. */
async function readWithInit(
  deps: PlaybackDeps,
  route: RouteOf<"file"> | RouteOf<"tsSegment">,
  { msn, initNumber }: { readonly msn: number; readonly initNumber: number },
): Promise<[Uint8Array | null, Uint8Array | null]> {
  const bytesOf = async (file: RenditionFile) => {
    const kept = liveRenditionOf(deps, route)?.read(file) ?? null;
    if (kept !== null) return await kept.bytes();
    const object = await deps.storage.get(keyOf(route, file));
    return object && await new Response(object.body).bytes();
  };
  const init = await bytesOf({ kind: "init", number: initNumber });
  return [init, init && await bytesOf({ kind: "segment", number: msn })];
}

function keyOf(
  { videoUrl, epoch, rendition }: RouteOf<"file"> | RouteOf<"tsSegment">,
  file: RenditionFile,
): string {
  return `videos/${videoUrl}/${epoch}/${rendition}/${nameOf(file)}`;
}

function missingFile(): Reply {
  return problemReply("NOT_FOUND", "There is no such file (any more, or yet).");
}

function liveRenditionOf(
  deps: PlaybackDeps,
  route: RouteOf<"playlist"> | RouteOf<"file"> | RouteOf<"tsSegment">,
): PlayableRendition | null {
  const broadcast = deps.live.get(route.videoUrl);
  if (broadcast === null || broadcast.epoch !== route.epoch) return null;
  return broadcast.rendition(route.rendition) ?? null;
}

function typeOf(name: string): string {
  return name.endsWith(".mp4") ? "video/mp4" : "video/iso.segment";
}
