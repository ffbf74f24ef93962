import { describe, expect, test } from "vitest";
import { checkMediaPlaylist } from "./check-playlist.ts";

const LIVE = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,PART-HOLD-BACK=1.02
#EXT-X-PART-INF:PART-TARGET=0.34
#EXT-X-MEDIA-SEQUENCE:3
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.000Z
#EXTINF:2,
seg-3.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.000Z
#EXT-X-PART:DURATION=0.33,URI="part-6.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.33,URI="part-7.m4s"
#EXTINF:0.66,
seg-4.m4s
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-8.m4s"
`;

const VOD = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="init-0.mp4"
#EXTINF:2,
seg-0.m4s
#EXT-X-ENDLIST
`;

describe("checkMediaPlaylist()", () => {
  test("has nothing against good ones", () => {
    expect(checkMediaPlaylist(LIVE)).toEqual([]);
    expect(checkMediaPlaylist(VOD)).toEqual([]);
  });

  test.each([
    ["#EXTM3U\n", "\n", "the first line is not #EXTM3U"],
    ["#EXTINF:2,", "#EXTINF:2.6,", "segment 3 lasts 2.6 s, the target is 2"],
    ["#EXTINF:2,", "#EXTINF:0,", "segment 3 lasts 0 s"],
    ["#EXTINF:2,\n", "", "segment 3 has no EXTINF"],
    ['#EXT-X-MAP:URI="init-0.mp4"\n', "", "segment 3 has no EXT-X-MAP before it"],
    [
      "#EXT-X-VERSION:9\n",
      "#EXT-X-VERSION:9\n#EXT-X-VERSION:9\n",
      "EXT-X-VERSION stands there 2 times",
    ],
    ["seg-4.m4s", "seg-3.m4s", "seg-3.m4s is listed twice"],
    ["03:04:07", "03:04:08", "the wall clock of segment 4 is 1000 ms off"],
    [
      'DURATION=0.33,URI="part-6',
      'DURATION=0.2,URI="part-6',
      "part-6.m4s lasts 0.2 s, below 85 % of 0.34",
    ],
    [
      'DURATION=0.33,URI="part-7',
      'DURATION=0.4,URI="part-7',
      "part-7.m4s lasts 0.4 s, above PART-TARGET 0.34",
    ],
    ["#EXTINF:0.66,", "#EXTINF:1,", "segment 4 lasts 1 s, its parts 0.66 s"],
    ["PART-HOLD-BACK=1.02", "PART-HOLD-BACK=1", "PART-HOLD-BACK 1 is below 3 × PART-TARGET 0.34"],
    ["CAN-SKIP-UNTIL=12", "CAN-SKIP-UNTIL=6", "CAN-SKIP-UNTIL 6 is below 6 × 2"],
    ['#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-8.m4s"\n', "", "parts without EXT-X-PRELOAD-HINT"],
    ["part-8.m4s", "part-7.m4s", "the hint is listed already"],
    ["#EXT-X-PRELOAD-HINT", "#EXT-X-ENDLIST\n#EXT-X-PRELOAD-HINT", "a preload hint after the end"],
    ["#EXT-X-PART-INF:PART-TARGET=0.34\n", "", "EXT-X-PART without EXT-X-PART-INF"],
    ["#EXT-X-PART-INF", "#EXT-X-WHATEVER", "unknown EXT-X-WHATEVER"],
    ["CAN-BLOCK-RELOAD=YES,", "", "parts without CAN-BLOCK-RELOAD=YES"],
    ["PART-HOLD-BACK", "HOLD-BACK=5,PART-HOLD-BACK", "HOLD-BACK 5 is below 3 × 2"],
    ["PART-TARGET=0.34", "TARGET=0.34", "EXT-X-PART-INF has the PART-TARGET 0"],
    ["MEDIA-SEQUENCE:3", "MEDIA-SEQUENCE:-3", "EXT-X-MEDIA-SEQUENCE is not a whole number: -3"],
    ["VERSION:9", "VERSION:5", "EXT-X-VERSION:5 does not allow EXT-X-MAP"],
    [
      "VERSION:9",
      "VERSION:8\n#EXT-X-SKIP:SKIPPED-SEGMENTS=1",
      "EXT-X-SKIP needs version 9",
    ],
    [
      "seg-3.m4s\n",
      "seg-3.m4s\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n",
      "EXT-X-DISCONTINUITY-SEQUENCE comes after the first segment",
    ],
    [
      "#EXT-X-PRELOAD-HINT",
      '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-9.m4s"\n#EXT-X-PRELOAD-HINT',
      "2 hints of one type",
    ],
    [
      "#EXT-X-PRELOAD-HINT",
      '#EXT-X-RENDITION-REPORT:URI="a.m3u8",LAST-MSN=4\n#EXT-X-PRELOAD-HINT',
      "the report of a.m3u8 has no LAST-PART",
    ],
    [
      "#EXT-X-PRELOAD-HINT",
      "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:09.000Z\n#EXT-X-PRELOAD-HINT",
      "the wall clock of segment 5 is 1340 ms off",
    ],
    ['part-8.m4s"\n', 'part-8.m4s"', "the last line is cut off"],
    ['URI="part-6.m4s",', "", "a part without a URI"],
  ])("complains when %j becomes %j", (from, to, complaint) => {
    expect(checkMediaPlaylist(LIVE.replace(from, to))).toContain(complaint);
  });

  test.each([
    ["#EXT-X-ENDLIST\n", "", "a VOD playlist without EXT-X-ENDLIST"],
    ["#EXTINF:2,\nseg-0.m4s\n", "", "a VOD playlist without segments"],
  ])("complains when %j of a recording becomes %j", (from, to, complaint) => {
    expect(checkMediaPlaylist(VOD.replace(from, to))).toContain(complaint);
  });
});
