import { expect, test } from "vitest";
import { de } from "../words/player/de.ts";
import { en } from "../words/player/en.ts";
import { removalWords, type VideoState } from "./video-state.ts";

type Removal = NonNullable<VideoState["recording"]>;

const ended = (recording: VideoState["recording"], status: VideoState["status"] = "ENDED") => ({
  title: "Show",
  status,
  playbackUrl: "http://h.test/hls-live/a.m3u8",
  storyboardUrl: null,
  recording,
});
const removed = (removedBecause: Removal["removedBecause"]): Removal => ({
  status: "removed",
  removedBecause,
});

test.each<[Removal["removedBecause"], string]>([
  ["retention", "The recording was removed: it was older than recordings are kept here."],
  ["channel_budget", "The recording was removed: its channel needed the room."],
  ["total_budget", "The recording was removed: newer ones needed the room."],
  [null, "The recording was removed."],
])("removalWords() of %s", (because, words) => {
  expect(removalWords(ended(removed(because)), en)).toBe(words);
});

test("removalWords() speak another language", () => {
  expect(removalWords(ended(removed("retention")), de)).toMatch(
    /^Die Aufzeichnung wurde entfernt: /,
  );
});

test("removalWords() say nothing about what is there, or still goes on", () => {
  const available = { status: "available", removedBecause: null } as const;
  expect(removalWords(ended(available), en)).toBeNull();
  expect(removalWords(ended(null), en)).toBeNull();
  expect(removalWords(ended(removed("retention"), "RUNNING"), en)).toBeNull();
});
