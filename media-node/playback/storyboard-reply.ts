/**
 * The storyboard of a broadcast that runs. After its end the video names that of the recording.
 */
import type { LiveStoryboards } from "../live/live-storyboards.ts";
import { type FileRequest, memoryReply } from "./file-replies.ts";
import { CACHE, problemReply, type Reply } from "./reply.ts";
import type { PlaybackRoute } from "./routes.ts";

type StoryboardRoute = Extract<PlaybackRoute, { kind: "storyboard" | "storyboardImage" }>;

export function storyboardReply(
  storyboards: LiveStoryboards,
  request: FileRequest,
  route: StoryboardRoute,
): Reply {
  const storyboard = storyboards.get(route.videoUrl);
  if (storyboard === null) {
    return problemReply("NOT_FOUND", "This video is not live, or no pictures are made of it.");
  }
  if (route.kind === "storyboard") {
    return {
      status: 200,
      headers: { "content-type": "text/vtt; charset=utf-8", "cache-control": CACHE.never },
      body: { kind: "bytes", content: storyboard.renderVtt() },
    };
  }
  const content = storyboard.image(route.number);
  if (content === null) return problemReply("NOT_FOUND", "There is no such image (any more).");
  const etag = `"storyboard-${route.number}"`;
  return memoryReply(request, { content, etag, contentType: "image/jpeg" });
}
