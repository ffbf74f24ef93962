import { describe, expect, test } from "vitest";
import { checkMultivariant } from "./check-multivariant.ts";

const MULTIVARIANT = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-STREAM-INF:BANDWIDTH=2000,AVERAGE-BANDWIDTH=1000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=16x9
x/1/high/index.m3u8
`;

describe("checkMultivariant()", () => {
  test.each([
    ["BANDWIDTH=2000", "BANDWIDTH=900", "AVERAGE-BANDWIDTH is 1000, BANDWIDTH 900"],
    [",RESOLUTION=16x9", "", "a variant with video has no RESOLUTION"],
    ["avc1.64001f", "h264", 'CODECS is "h264,mp4a.40.2"'],
    ["16x9", "16:9", "RESOLUTION is 16:9"],
    ["BANDWIDTH=2000,", "", "BANDWIDTH is NaN"],
    [',CODECS="avc1.64001f,mp4a.40.2"', "", "a variant has no CODECS"],
    ["x/1/high/index.m3u8", "#EXTINF:2,\nseg-1.m4s", "it lists media segments"],
    ["\nx/1/high/index.m3u8", "", "a variant without its URI in the next line"],
  ])("complains when %j becomes %j", (from, to, complaint) => {
    expect(checkMultivariant(MULTIVARIANT)).toEqual([]);
    expect(checkMultivariant(MULTIVARIANT.replace(from, to))).toContain(complaint);
  });
});
