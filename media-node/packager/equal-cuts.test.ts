/**
 * Where one rendition must begin a segment, all of them do.
 */
import { afterAll, expect, test } from "vitest";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { startSyntheticBroadcast } from "#test/helpers/synthetic-broadcast.ts";
import { LiveRegistry } from "../live/live-registry.ts";

const live = new LiveRegistry();
afterAll(() => live.close());

const OTHER_CONFIG = {
  kind: "video",
  avcC: Uint8Array.of(1, 0x42, 0, 0x1e),
  width: 1280,
  height: 720,
} as const;

test("another description of one rendition begins a segment in each", () => {
  const { packager, videoUrl, pushUntil } = startSyntheticBroadcast({
    live,
    rungs: ["low", "mid", "high"],
    start: { partTargetMs: 340 },
  });
  const playlistOf = (name: "low" | "mid" | "high") =>
    readMediaPlaylist(live.get(videoUrl)?.rendition(name)?.render(false) ?? "");
  const durationsOf = (name: "low" | "mid" | "high") =>
    playlistOf(name).segments.map(({ durationS }) => durationS);
  // A keyframe a second; from the fifth on segments last two, so this is in the midst of one.
  pushUntil(7);
  packager.setVideoConfig("high", OTHER_CONFIG);
  pushUntil(11.5);
  expect(durationsOf("high")).toEqual([1, 1, 1, 1, 2, 1, 2, 2]);
  expect(durationsOf("low")).toEqual(durationsOf("high"));
  expect(durationsOf("mid")).toEqual(durationsOf("high"));
  const initsOf = (name: "low" | "high") =>
    new Set(playlistOf(name).segments.map(({ initUri }) => initUri));
  expect([...initsOf("high")]).toEqual(["init-0.mp4", "init-1.mp4"]);
  expect([...initsOf("low")]).toEqual(["init-0.mp4"]);
});

test("the first descriptions of a broadcast cut nothing short", () => {
  const { videoUrl, pushUntil } = startSyntheticBroadcast({ live, rungs: ["low", "high"] });
  pushUntil(6.5);
  for (const name of ["low", "high"] as const) {
    const { segments } = readMediaPlaylist(
      live.get(videoUrl)?.rendition(name)?.render(false) ?? "",
    );
    expect(segments.map(({ durationS }) => durationS)).toEqual([1, 1, 1, 1, 2]);
  }
});
