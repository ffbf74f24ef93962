import { describe, expect, test } from "vitest";
import { flvUrl, playbackUrlOf, storyboardUrl, waitUrl } from "./playback-urls.ts";

const BASE = "https://page.test/shows/one";

describe("playbackUrlOf()", () => {
  test.each([
    ["https://h.test/hls-live/a.m3u8", "https://h.test/hls-live/a.m3u8"],
    ["/hls-live/a.m3u8?x=1#top", "https://page.test/hls-live/a.m3u8?x=1"],
    ["two", "https://page.test/shows/two"],
    ["data:text/plain,x", null],
    ["blob:https://page.test/1", null],
    ["javascript:1", null],
    ["http://[", null],
  ])("of %s is %s", (src, url) => {
    expect(playbackUrlOf(src, BASE)).toBe(url);
  });
});

test("the other addresses keep a query", () => {
  const url = "https://h.test/hls-live/a.m3u8?x=1";
  expect(waitUrl(url, "YES")).toBe("https://h.test/hls-live/a.m3u8?x=1&wait=YES");
  expect(flvUrl(url)).toBe("https://h.test/hls-live/a.flv?x=1");
  expect(storyboardUrl(url)).toBe("https://h.test/hls-live/a/storyboard.vtt?x=1");
});
