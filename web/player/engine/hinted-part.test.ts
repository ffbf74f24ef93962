import { expect, test } from "vitest";
import { hintedPart } from "./hinted-part.ts";

const URL_OF_IT = "https://live.test/hls-live/a/high/index.m3u8?_HLS_msn=3&_HLS_part=1";

test.each<[string, string | null]>([
  [
    '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-7.m4s"',
    "https://live.test/hls-live/a/high/part-7.m4s",
  ],
  ['#EXT-X-PRELOAD-HINT:TYPE=PART,URI="/p/7.m4s"', "https://live.test/p/7.m4s"],
  ['#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="init-2.mp4"', null],
  ['#EXT-X-PRELOAD-HINT:TYPE=PART,URI="all.m4s",BYTERANGE-START=900', null],
  ["#EXTINF:2,", null],
])("hintedPart() of %s is %s", (line, expected) => {
  expect(hintedPart(`#EXTM3U\n#EXT-X-VERSION:9\n${line}\n`, URL_OF_IT)).toBe(expected);
});
