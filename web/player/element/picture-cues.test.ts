import { expect, test } from "vitest";
import { readPictureCues } from "./picture-cues.ts";

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
    { fromS: 0, toS: 10, url: "https://h.test/videos/a/board-1.jpg#xywh=0,0,160,90" },
    { fromS: 3610, toS: 3620.5, url: "https://other.test/board-2.jpg#xywh=160,0,160,90" },
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
