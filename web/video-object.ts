/**
 * What other programs read about a video in the head of its page: facts as search engines, link
 * previews and download tools want them.
 */
import type { Video } from "./api-client.ts";

/** What a playlist is to a media type. */
export const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

/** Where the video plays now; null before its broadcast, and when nothing is kept of it. */
export function streamUrlOf(video: Video): string | null {
  const isThere = video.status === "RUNNING" || video.recording?.status === "available";
  return isThere ? video.playbackUrl : null;
}

/**
 * The video as a `VideoObject`; what is not known is not in it.
 * @see https://schema.org/VideoObject
 */
export function videoObjectOf(video: Video, pageUrl: string): Record<string, unknown> {
  return {
    "@context": "https://schema.org",
    "@type": "VideoObject",
    name: video.title,
    // Asked for by search engines, where a video without one is not listed.
    description: video.description ?? video.title,
    url: pageUrl,
    ...(video.thumbnail !== null && { thumbnailUrl: [video.thumbnail] }),
    uploadDate: video.startedAt ?? video.createdAt,
    ...(video.durationMs !== null && { duration: isoDuration(video.durationMs) }),
    ...contentOf(video),
    ...publicationOf(video),
  };
}

function contentOf(video: Video) {
  const contentUrl = streamUrlOf(video);
  return contentUrl === null ? {} : { contentUrl, encodingFormat: PLAYLIST_TYPE };
}

/** When it was live; `isLiveBroadcast` says that it was, the end says that it is over. */
function publicationOf({ startedAt, endedAt }: Video) {
  if (startedAt === null) return {};
  const publication = {
    "@type": "BroadcastEvent",
    isLiveBroadcast: true,
    startDate: startedAt,
    ...(endedAt !== null && { endDate: endedAt }),
  };
  return { publication };
}

/** ISO 8601, in whole seconds. */
function isoDuration(ms: number): string {
  return `PT${Math.round(ms / 1000)}S`;
}

const UNSAFE: Readonly<Record<string, string>> = {
  // What ends a script element, or begins a comment in one.
  "<": String.raw`\u003c`,
  ">": String.raw`\u003e`,
  "&": String.raw`\u0026`,
  // Line ends to readers that take it for a script.
  "\u2028": String.raw`\u2028`,
  "\u2029": String.raw`\u2029`,
};

/** `value` as JSON that may stand in a `<script>` element, whatever its strings hold. */
export function toScriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (char) => UNSAFE[char] ?? char);
}
