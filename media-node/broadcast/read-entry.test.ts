import { expect, test } from "vitest";
import { readEntry } from "./read-entry.ts";

const broadcastId = "0198f2a1-7c3e-7b1a-9d57-3f0c6a2b1e45";
const channelId = "0198f29f-11aa-7c02-8a6e-5b7d9e3f2a10";
const settings = { latency: "low", recording: true, ladder: "auto", reconnectWindowMs: 60_000 };
const source = {
  video: { codec: "avc1.64001f", width: 1280, height: 720, fps: 30, bitrateBps: 2_500_000 },
  audio: { codec: "mp4a.40.2", sampleRateHz: 48_000, channels: 2 },
  encoder: "obs-output module (libobs version 30.2.3)",
};
const rungs = [
  { name: "low", width: 640, height: 360, videoBitrateBps: 800_000, isCopy: false },
  { name: "high", width: 1280, height: 720, videoBitrateBps: 2_800_000, isCopy: true },
];
const times = { wallClockAtZeroMs: 1_768_000_000_123, segmentTargetMs: 2000, partTargetMs: 340 };

/** As version 1 was written while a broadcast ran that had changed hands once. */
const RUNNING_1 = `{"version":1,"broadcastId":"0198f2a1-7c3e-7b1a-9d57-3f0c6a2b1e45","epoch":3,\
"videoUrl":"k3v9xw2m","startedAt":"2026-01-09T23:06:40.123Z","ended":null,"broadcast":{\
"authorisation":{"broadcastId":"0198f2a1-7c3e-7b1a-9d57-3f0c6a2b1e45","epoch":3,"isResumed":false,\
"channelId":"0198f29f-11aa-7c02-8a6e-5b7d9e3f2a10","videoId":"0198f29f-2b00-7d11-8f00-c0ffee000001",\
"videoUrl":"k3v9xw2m","wantsThumbnail":true,"settings":{"latency":"low","recording":true,\
"ladder":"auto","reconnectWindowMs":60000}},"controlEpoch":4,"packager":{\
"wallClockAtZeroMs":1768000000123,"dvrWindowS":7200,"videoUrl":"k3v9xw2m","epoch":3,"rungs":[\
{"name":"low","width":640,"height":360,"videoBitrateBps":800000,"isCopy":false},\
{"name":"high","width":1280,"height":720,"videoBitrateBps":2800000,"isCopy":true}],\
"segmentTargetMs":2000,"partTargetMs":340,"hasVideo":true,"hasAudio":true},"started":{\
"startedAt":"2026-01-09T23:06:40.123Z","source":{"video":{"codec":"avc1.64001f","width":1280,\
"height":720,"fps":30,"bitrateBps":2500000},"audio":{"codec":"mp4a.40.2","sampleRateHz":48000,\
"channels":2},"encoder":"obs-output module (libobs version 30.2.3)"},"renditions":[\
{"name":"low","width":640,"height":360,"isCopy":false},\
{"name":"high","width":1280,"height":720,"isCopy":true}]}}}`;

/** As version 1 was written when the end could not be reported. */
const ENDED_1 = `{"version":1,"broadcastId":"0198f2a1-7c3e-7b1a-9d57-3f0c6a2b1e45","epoch":3,\
"videoUrl":"k3v9xw2m","startedAt":"2026-01-09T23:06:40.123Z","ended":{"nodeId":"node-1",\
"broadcastId":"0198f2a1-7c3e-7b1a-9d57-3f0c6a2b1e45","epoch":4,"endedAt":"2026-01-10T00:00:00.000Z",\
"reason":"publisher_stopped","detail":null,"durationMs":3199877,"recordedBytes":1000000000}}`;

const head = {
  version: 2,
  broadcastId,
  videoUrl: "k3v9xw2m",
  epoch: 3,
  controlEpoch: 4,
  startedAt: "2026-01-09T23:06:40.123Z",
};

test("readEntry() reads a running broadcast of version 1", () => {
  const playlists = { rungs, ...times, hasVideo: true, hasAudio: true };
  const running = { channelId, wantsThumbnail: true, settings, source, playlists };
  expect(readEntry(RUNNING_1)).toEqual({ ...head, ended: null, running });
});

test("readEntry() reads an end of version 1", () => {
  const ended = {
    endedAt: "2026-01-10T00:00:00.000Z",
    reason: "publisher_stopped",
    detail: null,
    durationMs: 3_199_877,
    recordedBytes: 1_000_000_000,
  };
  expect(readEntry(ENDED_1)).toEqual({ ...head, ended, running: null });
});

test("readEntry() passes over what it does not know in an entry of its own version", () => {
  const entry = readEntry(RUNNING_1);
  expect(readEntry(JSON.stringify({ ...entry, mood: "good" }))).toEqual(entry);
});

test("readEntry() names the version of a later entry", () => {
  const later = JSON.stringify({ ...readEntry(RUNNING_1), version: 3 });
  expect(() => readEntry(later)).toThrow("it is of version 3, and only 1 and 2 are known here");
});

test.each(["", "{", "null", '{"version":2}', RUNNING_1.replace('"low"', '"odd"')])(
  "readEntry() refuses %j",
  (text) => expect(() => readEntry(text)).toThrow(),
);
