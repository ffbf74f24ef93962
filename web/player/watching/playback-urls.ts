/**
 * The addresses that belong to a video's multivariant playlist. Pure.
 */

/** What can be asked over HTTP; null: nothing of the kind. */
export function playbackUrlOf(src: string, baseUrl: string): string | null {
  if (!URL.canParse(src, baseUrl)) return null;
  const url = new URL(src, baseUrl);
  url.hash = "";
  return /^https?:$/.test(url.protocol) ? url.href : null;
}

/** The question that is answered when somebody publishes, or when there is something to play. */
export function waitUrl(playbackUrl: string, isFor: "PUBLISHER" | "YES"): string {
  const url = new URL(playbackUrl);
  url.searchParams.set("wait", isFor);
  return url.href;
}

/** The same broadcast in real time. */
export const flvUrl = (playbackUrl: string) => withPath(playbackUrl, /\.m3u8$/, ".flv");

/** Pictures of what was live. */
export const storyboardUrl = (playbackUrl: string) =>
  withPath(playbackUrl, /\.m3u8$/, "/storyboard.vtt");

function withPath(playbackUrl: string, ending: RegExp, next: string): string {
  const url = new URL(playbackUrl);
  url.pathname = url.pathname.replace(ending, next);
  return url.href;
}
