import { expect, test } from "vitest";
import { readPictureCues, toTimeline } from "./picture-cues.ts";

test("readPictureCues() reads times and resolves addresses", () => {
  const text = `WEBVTT

NOTE a remark

1
00:00.000 --> 00:10.000
board-1.jpg#xywh=0,0,160,90

01:00:10.000 --> 01:00:20.500 align:start
https://other.test/board-2.jpg#xywh=160,0,160,90
`;
  expect(readPictureCues(text, "https://h.test/videos/a/storyboard.vtt")).toEqual([
    {
      fromS: 0,
      toS: 10,
      takenAtMs: null,
      url: "https://h.test/videos/a/board-1.jpg#xywh=0,0,160,90",
    },
    {
      fromS: 3610,
      toS: 3620.5,
      takenAtMs: null,
      url: "https://other.test/board-2.jpg#xywh=160,0,160,90",
    },
  ]);
});

test.each([["nothing", ""], ["no WebVTT", "<html></html>"], [
  "a cue without an address",
  "00:00.000 --> 00:10.000\n",
]])(
  "readPictureCues() of %s is nothing",
  (_what, text) => {
    expect(readPictureCues(text, "https://h.test/")).toEqual([]);
  },
);

test("toTimeline() places a live broadcast's pictures by the wall clock", () => {
  const cues = readPictureCues(
    `WEBVTT

2026-11-30T09:00:00.000Z
00:00:00.000 --> 00:00:10.000
storyboard-7.jpg#xywh=0,0,160,90

2026-11-30T09:00:20.500Z
00:00:20.500 --> 00:00:30.500
storyboard-7.jpg#xywh=0,90,160,90
`,
    "https://h.test/hls-live/a/storyboard.vtt",
  );
  const zeroMs = Date.parse("2026-11-30T09:00:15.000Z");
  expect(toTimeline(cues, zeroMs)).toMatchObject([{ fromS: 5.5, toS: 15.5 }]);
  expect(toTimeline(cues, zeroMs - 10_000)).toMatchObject([{ fromS: 0, toS: 5 }, { fromS: 15.5 }]);
  expect(toTimeline([{ fromS: 0, toS: 1, takenAtMs: null, url: "" }], zeroMs)).toEqual([]);
});
