import { expect, test } from "vitest";
import { startFiles, startRendition } from "./start-plan.ts";

const multivariant = (...bandwidths: readonly number[]) =>
  [
    "#EXTM3U",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    ...bandwidths.flatMap((bandwidth) => [
      `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},AVERAGE-BANDWIDTH=1,CODECS="avc1.64001f,mp4a.40.2"`,
      `a/1/${bandwidth}/index.m3u8`,
    ]),
    "",
  ].join("\n");

test("startRendition() is the best that surely fits, in whatever order they are listed", () => {
  expect(startRendition(multivariant(900_000, 1_500_000, 3_100_000))).toBe(
    "a/1/1500000/index.m3u8",
  );
  expect(startRendition(multivariant(3_100_000, 1_500_000, 900_000))).toBe(
    "a/1/1500000/index.m3u8",
  );
});

test("startRendition() is the least where none fits, and none where there is none", () => {
  expect(startRendition(multivariant(8_000_000, 6_000_000))).toBe("a/1/6000000/index.m3u8");
  expect(startRendition("#EXTM3U\n")).toBeNull();
});

const HEAD = `#EXTM3U
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.02,CAN-SKIP-UNTIL=12
#EXT-X-MAP:URI="init-0.mp4"
`;
const part = (number: number, isIndependent = false) =>
  `#EXT-X-PART:DURATION=0.33333,URI="part-${number}.m4s"${
    isIndependent ? ",INDEPENDENT=YES" : ""
  }\n`;

test("startFiles() are the parts from the last keyframe that is far enough from the edge", () => {
  const parts = [part(0, true), part(1), part(2), part(3, true), part(4), part(5), part(6)];
  const files = startFiles(HEAD + parts.join("") + `#EXTINF:2,\nseg-0.m4s\n`);
  expect(files).toEqual(["init-0.mp4", "part-3.m4s", "part-4.m4s", "part-5.m4s", "part-6.m4s"]);
  expect(startFiles(HEAD + [...parts.slice(0, 6)].join(""))).toEqual([
    "init-0.mp4",
    ...[0, 1, 2, 3, 4, 5].map((number) => `part-${number}.m4s`),
  ]);
});

test("startFiles() begin with the newest init segment, and are none without parts", () => {
  const text = `${HEAD}${part(0, true)}#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="init-1.mp4"\n`;
  const parts = [part(1, true), part(2), part(3), part(4)].join("");
  expect(startFiles(text + parts)).toEqual([
    "init-1.mp4",
    ...[1, 2, 3, 4].map((number) => `part-${number}.m4s`),
  ]);
  expect(startFiles(`${HEAD}#EXTINF:2,\nseg-0.m4s\n`)).toEqual([]);
});
