import { expect, test } from "vitest";
import { growthOf, isPlaylist, newestAt } from "./ask-newest.ts";

const HEAD = `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:5
#EXT-X-PART-INF:PART-TARGET=0.34
`;
const SEGMENT = `#EXT-X-PART:DURATION=0.33333,URI="part-1.m4s",INDEPENDENT=YES
#EXTINF:2.00000,
seg.m4s
`;
const OPEN = `#EXT-X-PART:DURATION=0.33333,URI="part-2.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-3.m4s"
`;

test.each([
  ["segments and parts", HEAD + SEGMENT + SEGMENT + OPEN, newestAt(6, 1), 340],
  ["the first parts", HEAD + OPEN + OPEN, newestAt(4, 2), 340],
  ["whole segments", (HEAD + SEGMENT).replace(/^#EXT-X-PART.*\n/gm, ""), newestAt(5, 0), 2000],
])("growthOf() is where a playlist of %s ends", (_what, playlist, newest, rhythmMs) => {
  expect(growthOf(playlist)).toEqual({ newest, rhythmMs });
});

test("growthOf() rises from part to part and on to the segment", () => {
  const reaches = [OPEN, OPEN + OPEN, SEGMENT, SEGMENT + OPEN].map((text) => {
    const growth = growthOf(HEAD + text);
    return growth === null || growth === "over" ? 0 : growth.newest ?? 0;
  });
  expect(reaches).toEqual(reaches.toSorted((one, other) => one - other));
  expect(new Set(reaches).size).toBe(reaches.length);
});

test("growthOf() knows where nothing more will come, and what is no playlist", () => {
  expect(growthOf(`${HEAD}${SEGMENT}#EXT-X-ENDLIST\n`)).toBe("over");
  expect(growthOf("#EXTM3U\n")).toBeNull();
});

test("isPlaylist() goes by the first line", () => {
  expect([HEAD, "#EXTM3U", "#EXTM3U8\n", "<!doctype html>", ""].map(isPlaylist)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
