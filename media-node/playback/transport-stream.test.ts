import { expect, test } from "vitest";
import {
  needsTransportStream,
  opensTransportStream,
  tsMultivariant,
  tsPlaylist,
} from "./transport-stream.ts";

const ask = (headers: Record<string, string>) => (name: string) => headers[name];

test("needsTransportStream() knows FFmpeg by what it asks for, not by its name", () => {
  expect(needsTransportStream(ask({ "icy-metadata": "1", "user-agent": "Lavf/59.27.100" })))
    .toBe(true);
  expect(needsTransportStream(ask({ "icy-metadata": "1", "user-agent": "Mozilla/5.0" }))).toBe(
    true,
  );
  expect(needsTransportStream(ask({ "user-agent": "Mozilla/5.0" }))).toBe(false);
  const vlc = { "icy-metadata": "1", "user-agent": "VLC/3.0.21 LibVLC/3.0.21" };
  expect(needsTransportStream(ask(vlc))).toBe(false);
  expect(opensTransportStream(ask({ "icy-metadata": "1" }))).toBe(false);
  expect(opensTransportStream(ask({ "icy-metadata": "1", range: "bytes=0-" }))).toBe(true);
});

test("tsMultivariant() names the other playlist of each rendition", () => {
  expect(tsMultivariant("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nabcd/1/low/index.m3u8\n"))
    .toBe("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nabcd/1/low/ts.m3u8\n");
});

test("tsPlaylist() names each segment with the init segment that describes it", () => {
  const playlist = (first: string, second: string, third: string) =>
    `#EXTM3U
#EXT-X-VERSION:6
${first}
#EXT-X-DISCONTINUITY
${second}
#EXTINF:2,
${third}
#EXT-X-ENDLIST
`;
  expect(tsPlaylist(playlist(
    '#EXT-X-MAP:URI="../../abcd/1/low/init-0.mp4"\n#EXTINF:2,\n../../abcd/1/low/seg-7.m4s',
    '#EXT-X-MAP:URI="init-3.mp4"\n#EXTINF:2,\nseg-8.m4s',
    "seg-9.m4s?shift=-14000&init=3",
  ))).toBe(playlist(
    "#EXTINF:2,\n../../abcd/1/low/seg-7-0.ts",
    "#EXTINF:2,\nseg-8-3.ts",
    "seg-9-3.ts",
  ));
});
