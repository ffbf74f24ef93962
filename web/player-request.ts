/**
 * Which requests for a page come from a program that plays, and has no use for HTML.
 */

const PLAYLIST_TYPES = new Set(["application/vnd.apple.mpegurl", "application/x-mpegurl"]);

/** As servers of radio know them: FFmpeg and what is built on it, GStreamer. Browsers do not send it. */
const RADIO_TITLES = "icy-metadata";
const VLC = /^VLC\//;

/** Whether whoever sent `headers` is to get the stream instead of the page around it. */
export function isFromPlayer(headers: Headers): boolean {
  if (headers.has(RADIO_TITLES) || VLC.test(headers.get("user-agent") ?? "")) return true;
  const accepted = (headers.get("accept") ?? "").split(",").map(typeOf);
  return accepted.some((type) => PLAYLIST_TYPES.has(type)) && !accepted.includes("text/html");
}

function typeOf(element: string): string {
  return element.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}
