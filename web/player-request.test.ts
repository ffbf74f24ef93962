import { expect, test } from "vitest";
import { isFromPlayer } from "./player-request.ts";

const ANYTHING = { accept: "*/*" };
const CHROMIUM =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140";

test.each<[string, Record<string, string>, boolean]>([
  ["ffmpeg", { ...ANYTHING, "user-agent": "Lavf/59.27.100", "icy-metadata": "1" }, true],
  ["mpv", { ...ANYTHING, "user-agent": "libmpv", "icy-metadata": "1" }, true],
  ["GStreamer", { "user-agent": "GStreamer souphttpsrc 1.22.0", "icy-metadata": "1" }, true],
  ["VLC", { ...ANYTHING, "user-agent": "VLC/3.0.24 LibVLC/3.0.24" }, true],
  ["who asks for a playlist", { accept: "Application/VND.apple.mpegURL;q=0.9" }, true],
  ["who asks for an old name of it", { accept: "application/x-mpegURL, */*;q=0.1" }, true],
  ["who can do both", { accept: "text/html, application/vnd.apple.mpegurl" }, false],
  ["a browser", { accept: "text/html,*/*;q=0.8", "user-agent": CHROMIUM }, false],
  ["a reader of link previews", { ...ANYTHING, "user-agent": "facebookexternalhit/1.1" }, false],
  ["curl", { ...ANYTHING, "user-agent": "curl/8.0" }, false],
  ["who says nothing", {}, false],
])("isFromPlayer() of %s", (_, headers, isPlayer) => {
  expect(isFromPlayer(new Headers(headers))).toBe(isPlayer);
});
