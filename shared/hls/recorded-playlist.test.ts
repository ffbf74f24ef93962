import { describe, expect, test } from "vitest";
import {
  cutPlaylist,
  parseRecordedPlaylist,
  parseRecordedVariants,
  RecordedPlaylistError,
  renderRecordedPlaylist,
  renderRecordedVariants,
  widenToSegments,
} from "./recorded-playlist.ts";

const KEY = "videos/abc/2/high/index.m3u8";
const TEXT = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="../../1/high/init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.000Z
#EXTINF:2,
../../1/high/seg-0.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.000Z
#EXTINF:1.5,
../../1/high/seg-1.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:05:00.000Z
#EXTINF:2,
seg-2.m4s
#EXT-X-ENDLIST
`;

describe("parseRecordedPlaylist()", () => {
  test("leads URIs to storage keys, also those of an earlier broadcast", () => {
    const { targetDurationS, segments } = parseRecordedPlaylist(TEXT, KEY);
    expect(targetDurationS).toBe(2);
    expect(segments.map(({ key, initKey }) => [key, initKey])).toEqual([
      ["videos/abc/1/high/seg-0.m4s", "videos/abc/1/high/init-0.mp4"],
      ["videos/abc/1/high/seg-1.m4s", "videos/abc/1/high/init-0.mp4"],
      ["videos/abc/2/high/seg-2.m4s", "videos/abc/2/high/init-0.mp4"],
    ]);
    expect(segments.map(({ isDiscontinuous }) => isDiscontinuous)).toEqual([false, false, true]);
    expect(segments[1]?.wallClockMs).toBe(Date.UTC(2026, 0, 2, 3, 4, 7));
  });

  test.each([
    ["no playlist", "hello"],
    ["no init segment", "#EXTM3U\n#EXTINF:2,\nseg-0.m4s\n"],
    ["a way out", '#EXTM3U\n#EXT-X-MAP:URI="../../../../secret"\n'],
  ])("refuses %s", (_name, text) => {
    expect(() => parseRecordedPlaylist(text, KEY)).toThrow(RecordedPlaylistError);
  });
});

test("renderRecordedPlaylist() writes what was read", () => {
  expect(renderRecordedPlaylist(parseRecordedPlaylist(TEXT, KEY), KEY)).toBe(TEXT);
});

test("a segment is asked for at the times a clip gives it, and keeps its key", () => {
  const { targetDurationS, segments } = parseRecordedPlaylist(TEXT, KEY);
  const shifted = segments.map((segment) => ({ ...segment, shiftMs: -10_021 }));
  const text = renderRecordedPlaylist({ targetDurationS, segments: shifted }, KEY);
  expect(text.match(/^[^#].*$/gm)).toEqual([
    "../../1/high/seg-0.m4s?shift=-10021&init=0",
    "../../1/high/seg-1.m4s?shift=-10021&init=0",
    "seg-2.m4s?shift=-10021&init=0",
  ]);
  expect(parseRecordedPlaylist(text, KEY).segments).toEqual(shifted);
});

test("renderRecordedVariants() writes what was read", () => {
  const text = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=1000,AVERAGE-BANDWIDTH=900,CODECS="avc1.64001f"
abc/1/low/index.m3u8
`;
  expect(renderRecordedVariants(parseRecordedVariants(text))).toBe(text);
});

describe("widenToSegments()", () => {
  const playlist = parseRecordedPlaylist(TEXT, KEY);

  test.each([
    [0.5, 1, { startS: 0, endS: 2 }],
    [1.9, 2.1, { startS: 0, endS: 3.5 }],
    [2, 3.5, { startS: 2, endS: 3.5 }],
    [3.6, 99, { startS: 3.5, endS: 5.5 }],
    [5.5, 9, null],
  ])("makes %d…%d whole segments", (startS, endS, expected) => {
    expect(widenToSegments(playlist, { startS, endS })).toEqual(expected);
  });
});

test("cutPlaylist() begins without a discontinuity and leads to the segments where they are", () => {
  const cut = cutPlaylist(parseRecordedPlaylist(TEXT, KEY), { startS: 3.5, endS: 5.5 });
  expect(renderRecordedPlaylist(cut, "videos/xyz/2/high/index.m3u8")).toBe(`#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="../../../abc/2/high/init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:05:00.000Z
#EXTINF:2,
../../../abc/2/high/seg-2.m4s
#EXT-X-ENDLIST
`);
});
