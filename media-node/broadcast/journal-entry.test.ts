import { expect, test } from "vitest";
import { newId } from "#shared/ids.ts";
import { AAC_TRACK, sourceOf } from "#test/helpers/source.ts";
import type { PackagerStart } from "../packager/port.ts";
import type { Authorisation } from "./authorisation.ts";
import {
  authorisationOf,
  beginEntry,
  packagerStartOf,
  startOf,
  withTracks,
} from "./journal-entry.ts";
import { readEntry } from "./read-entry.ts";

const authorisation: Authorisation = {
  broadcastId: newId(),
  channelId: newId(),
  videoUrl: "k3v9xw2m",
  epoch: 2,
  wantsThumbnail: false,
  settings: { latency: "low", recording: true, ladder: "auto", reconnectWindowMs: 60_000 },
};
const start: PackagerStart = {
  videoUrl: "k3v9xw2m",
  epoch: 2,
  rungs: [{ name: "low", width: 640, height: 360, videoBitrateBps: 800_000, isCopy: true }],
  wallClockAtZeroMs: 1_768_000_000_123,
  segmentTargetMs: 2000,
  partTargetMs: null,
  hasVideo: true,
  hasAudio: false,
  isAudioAwaited: false,
};
const source = sourceOf(640, 360);
const begin = (tracks: Partial<PackagerStart> = {}) =>
  beginEntry(authorisation, source.facts, { ...start, ...tracks }, new Date(1_768_000_000_123));

test("beginEntry() writes what its successor begins with", () => {
  const entry = begin({ dvrWindowS: 60 });
  expect(readEntry(JSON.stringify(entry))).toEqual(entry);
  expect(authorisationOf(entry)).toEqual(authorisation);
  expect(packagerStartOf(entry)).toEqual(start);
  expect(startOf(entry)).toEqual({
    startedAt: "2026-01-09T23:06:40.123Z",
    source: source.facts,
    renditions: [{ name: "low", width: 640, height: 360, isCopy: true }],
  });
});

test("withTracks() keeps a track that joined", () => {
  const joined = withTracks(begin(), { video: null, audio: AAC_TRACK });
  expect(packagerStartOf(joined)).toMatchObject({ hasVideo: true, hasAudio: true });
  expect(withTracks(joined, { video: source.video, audio: null })).toBe(joined);
});

test("withTracks() waits for audio until it has come once", () => {
  const silent = begin({ hasAudio: true, isAudioAwaited: true });
  expect(withTracks(silent, { video: source.video, audio: null })).toBe(silent);
  const heard = withTracks(silent, { video: source.video, audio: AAC_TRACK });
  expect(packagerStartOf(heard)).toMatchObject({ hasAudio: true, isAudioAwaited: false });
});
