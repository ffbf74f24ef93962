import { describe, expect, test } from "vitest";
import { checkMediaPlaylist, checkMultivariant, checkReload } from "./check-playlist.ts";

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

const MULTIVARIANT = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-STREAM-INF:BANDWIDTH=2000,AVERAGE-BANDWIDTH=1000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=16x9
x/1/high/index.m3u8
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
  ])("complains when %j becomes %j", (from, to, complaint) => {
    expect(checkMediaPlaylist(LIVE.replace(from, to))).toContain(complaint);
  });

  test.each([
    ["#EXT-X-ENDLIST\n", "", "a VOD playlist without EXT-X-ENDLIST"],
    ["SEQUENCE:0", "SEQUENCE:1", "a VOD playlist does not begin at 0"],
    ["#EXTINF:2,\nseg-0.m4s\n", "", "a VOD playlist without segments"],
  ])("complains when %j of a recording becomes %j", (from, to, complaint) => {
    expect(checkMediaPlaylist(VOD.replace(from, to))).toContain(complaint);
  });
});

describe("checkReload()", () => {
  test.each([
    ["#EXT-X-MEDIA-SEQUENCE:3", "#EXT-X-MEDIA-SEQUENCE:2", "mediaSequence went back from 3 to 2"],
    ["#EXT-X-TARGETDURATION:2", "#EXT-X-TARGETDURATION:3", "targetDurationS changed from 2 to 3"],
    ["seg-3.m4s", "seg-9.m4s", "segment 3 changed"],
    ["#EXT-X-MAP", "#EXT-X-DISCONTINUITY\n#EXT-X-MAP", "the discontinuity of segment 3 changed"],
    ["#EXTINF:0.66,\nseg-4.m4s\n", "", "segments vanished from the end"],
  ])("complains when %j becomes %j", (from, to, complaint) => {
    expect(checkReload(LIVE, LIVE)).toEqual([]);
    expect(checkReload(LIVE, LIVE.replace(from, to))).toContain(complaint);
  });
});

describe("checkMultivariant()", () => {
  test.each([
    ["BANDWIDTH=2000", "BANDWIDTH=900", "AVERAGE-BANDWIDTH is 1000, BANDWIDTH 900"],
    [",RESOLUTION=16x9", "", "a variant with video has no RESOLUTION"],
    ["avc1.64001f", "h264", 'CODECS is "h264,mp4a.40.2"'],
    ["\nx/1/high/index.m3u8", "", "a variant without its URI in the next line"],
  ])("complains when %j becomes %j", (from, to, complaint) => {
    expect(checkMultivariant(MULTIVARIANT)).toEqual([]);
    expect(checkMultivariant(MULTIVARIANT.replace(from, to))).toContain(complaint);
  });
});
