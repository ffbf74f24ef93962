import { describe, expect, test } from "vitest";
import { readMediaPlaylist } from "./check-playlist.ts";
import { checkRenditions, checkReport } from "./check-renditions.ts";

const LOW = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.02
#EXT-X-PART-INF:PART-TARGET=0.34
#EXT-X-MEDIA-SEQUENCE:3
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.000Z
#EXTINF:2,
seg-3.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.000Z
#EXTINF:2,
seg-4.m4s
#EXT-X-PART:DURATION=0.33,URI="part-8.m4s"
#EXT-X-PART:DURATION=0.33,URI="part-9.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-10.m4s"
#EXT-X-RENDITION-REPORT:URI="../high/index.m3u8",LAST-MSN=5,LAST-PART=1
`;
const low = readMediaPlaylist(LOW);

describe("checkRenditions()", () => {
  test.each([
    ["TARGETDURATION:2", "TARGETDURATION:3", "targetDurationS is 2 in low, 3 in high"],
    ["PART-TARGET=0.34", "PART-TARGET=0.33", "partTargetS is 0.34 in low, 0.33 in high"],
    ["EXTINF:2,\nseg-4", "EXTINF:1.9,\nseg-4", "segment 4 of low lasts 2 s, in high 1.9 s"],
    ["03:04:05.000", "03:04:04.900", "segment 3 of low begins with none of high"],
    [
      "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07",
      "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07",
      "segment 4 of low is discontinuous, or its twin in high is, but not both",
    ],
  ])("complains when %j becomes %j", (from, to, complaint) => {
    const pair = (text: string) => [
      { name: "low", playlist: low },
      { name: "high", playlist: readMediaPlaylist(text) },
    ];
    expect(checkRenditions(pair(LOW))).toEqual([]);
    expect(checkRenditions(pair(LOW.replace(from, to)))).toContain(complaint);
  });
});

describe("checkReport()", () => {
  const url = "http://host/a/low/index.m3u8?_HLS_msn=5";
  const other = { url: "http://host/a/high/index.m3u8", before: low, after: low };

  test.each([
    ["LAST-MSN=5", "LAST-MSN=4", "4/1 is reported of"],
    ["LAST-PART=1", "LAST-PART=2", "5/2 is reported of"],
    ["../high/", "../mid/", "there is no report of"],
  ])("complains when %j becomes %j", (from, to, complaint) => {
    expect(checkReport(low, other, url)).toEqual([]);
    const [said = ""] = checkReport(readMediaPlaylist(LOW.replace(from, to)), other, url);
    expect(said).toContain(complaint);
  });
});
