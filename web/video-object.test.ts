import { describe, expect, test } from "vitest";
import type { Video } from "./api-client.ts";
import { streamUrlOf, toScriptJson, videoObjectOf } from "./video-object.ts";

const PAGE = "https://site.test/watch/abc123def456";
const RECORDING = { bytes: 1, removedAt: null, removedBecause: null };
const created: Video = {
  url: "abc123def456",
  title: "First show",
  description: null,
  thumbnail: null,
  status: "CREATED",
  playbackUrl: "https://media.test/hls-live/abc123def456.m3u8",
  recording: null,
  startedAt: null,
  endedAt: null,
  durationMs: null,
  createdAt: "2026-01-02T03:04:05.000Z",
};
const running: Video = {
  ...created,
  status: "RUNNING",
  description: "All about it",
  thumbnail: "https://site.test/videos/thumbnails/x-1-1280.jpg",
  startedAt: "2026-01-02T04:00:00.000Z",
};
const ended: Video = {
  ...running,
  status: "ENDED",
  recording: { ...RECORDING, status: "available" },
  endedAt: "2026-01-02T04:01:30.400Z",
  durationMs: 90_400,
};

describe("videoObjectOf()", () => {
  test("says of one that has not begun what there is to say", () => {
    expect(videoObjectOf(created, PAGE)).toEqual({
      "@context": "https://schema.org",
      "@type": "VideoObject",
      name: "First show",
      description: "First show",
      url: PAGE,
      uploadDate: created.createdAt,
    });
  });

  test("says of a live one since when, and where it plays", () => {
    expect(videoObjectOf(running, PAGE)).toEqual({
      "@context": "https://schema.org",
      "@type": "VideoObject",
      name: "First show",
      description: "All about it",
      url: PAGE,
      thumbnailUrl: [running.thumbnail],
      uploadDate: running.startedAt,
      contentUrl: running.playbackUrl,
      encodingFormat: "application/vnd.apple.mpegurl",
      publication: {
        "@type": "BroadcastEvent",
        isLiveBroadcast: true,
        startDate: running.startedAt,
      },
    });
  });

  test("says of a recording how long it is, and that the broadcast is over", () => {
    expect(videoObjectOf(ended, PAGE)).toMatchObject({
      duration: "PT90S",
      contentUrl: ended.playbackUrl,
      publication: { startDate: ended.startedAt, endDate: ended.endedAt },
    });
  });

  test("names no stream where nothing is kept", () => {
    const removed: Video = { ...ended, recording: { ...RECORDING, status: "removed" } };
    for (const video of [created, { ...ended, recording: null }, removed]) {
      expect(streamUrlOf(video)).toBeNull();
      expect(videoObjectOf(video, PAGE)).not.toHaveProperty("contentUrl");
    }
  });
});

test("toScriptJson() ends no script, begins no comment and breaks no line", () => {
  const value = { name: "</script><!--<script>&amp;\u2028\u2029" };
  const text = toScriptJson(value);
  expect(text).not.toMatch(/[<>&\u2028\u2029]/);
  expect(JSON.parse(text)).toEqual(value);
});
