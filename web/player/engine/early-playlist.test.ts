import { expect, test } from "vitest";
import { askForParts, toPlayerPlaylist } from "./early-playlist.ts";

const EARLY = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-PART-INF:PART-TARGET=0.34
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXT-X-PART:DURATION=0.33333,URI="part-0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-1.m4s"
#EXT-X-RENDITION-REPORT:URI="../low/index.m3u8",LAST-MSN=1,LAST-PART=0
`;

test("toPlayerPlaylist() puts a stand-in before the first parts", () => {
  expect(toPlayerPlaylist(EARLY)).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-PART-INF:PART-TARGET=0.34
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-START:TIME-OFFSET=0.002
#EXT-X-PART:DURATION=0.001,URI="none",GAP=YES
#EXTINF:0.001,
none
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXT-X-PART:DURATION=0.33333,URI="part-0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-1.m4s"
#EXT-X-RENDITION-REPORT:URI="../low/index.m3u8",LAST-MSN=1,LAST-PART=0
`);
});

test("toPlayerPlaylist() leaves a playlist alone that has a segment", () => {
  const later = EARLY.replace("#EXT-X-PRELOAD-HINT", "#EXTINF:0.33333,\nseg-1.m4s\n$&");
  expect(toPlayerPlaylist(later)).toBe(later);
});

test("toPlayerPlaylist() leaves a playlist alone that lists nothing", () => {
  const empty = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n";
  expect(toPlayerPlaylist(empty)).toBe(empty);
});

test("askForParts() is for the first load alone", () => {
  const url = "http://localhost:8080/hls-live/abc/1/high/index.m3u8";
  expect(askForParts(url)).toBe(`${url}?parts=YES`);
  const reload = `${url}?_HLS_msn=7&_HLS_part=2&_HLS_skip=YES`;
  expect(askForParts(reload)).toBe(reload);
});
