/**
 * The source of a live broadcast as an endless FLV: the shortest way to a viewer.
 */
import type { LiveRegistry } from "../live/live-registry.ts";
import { CACHE, problemReply, type Reply } from "./reply.ts";

/** How long a viewer who comes before the first picture is kept waiting. */
const START_PATIENCE_MS = 8000;

const HEADERS = {
  "content-type": "video/x-flv",
  "cache-control": CACHE.never,
  // A proxy that collects before it passes on takes the real time out of it.
  "x-accel-buffering": "no",
};

/** Starts at the last keyframe and ends with the broadcast, or when its publisher drops out. */
export async function flvReply(
  { flv }: Pick<LiveRegistry, "flv">,
  videoUrl: string,
  isHead: boolean,
): Promise<Reply> {
  await flv.get(videoUrl)?.waitUntilLive(START_PATIENCE_MS);
  const feed = flv.get(videoUrl);
  if (feed === null || feed.isEnded) return problemReply("NOT_FOUND", "This video is not live.");
  if (!feed.isLive) {
    return problemReply("UNAVAILABLE", "The publisher is away; it may come back.", 2);
  }
  if (isHead) return { status: 200, headers: HEADERS, body: null };
  const viewer = feed.join();
  if (viewer === null) return problemReply("UNAVAILABLE", "The publisher has just left.", 2);
  return {
    status: 200,
    headers: HEADERS,
    body: { kind: "stream", stream: viewer.stream, cut: viewer.cut },
  };
}
