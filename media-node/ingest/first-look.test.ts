import { expect, test } from "vitest";
import { deadlineMsOf, type FirstLook } from "./first-look.ts";

const WHOLE: FirstLook = {
  video: "here",
  audio: "here",
  videoFrames: 8,
  isRateKnown: true,
  isReturn: false,
};

test.each<[string, Partial<FirstLook>, number | null]>([
  ["everything is there", {}, 0],
  ["the rate is not known yet", { isRateKnown: false }, 1000],
  ["one frame says nothing about its flags", { videoFrames: 1 }, 4000],
  ["two frames do not, either", { videoFrames: 2 }, 1000],
  ["audio was announced", { audio: "declared" }, 1000],
  ["nobody spoke of audio", { audio: "unknown" }, 400],
  ["one who returns leaves its audio behind", { audio: "declared", isReturn: true }, 200],
  ["there is no audio, and it says so", { audio: "absent" }, 0],
  ["video was announced: a relay joined between two keyframes", { video: "declared" }, 10_000],
  ["video was announced by one who returns", { video: "declared", isReturn: true }, 1000],
  ["nobody spoke of video", { video: "unknown" }, 1000],
  ["there is no video, and it says so", { video: "absent" }, 0],
  ["nothing came", { video: "declared", audio: "declared" }, null],
])("%s: %j is looked at for %s ms", (_name, look, ms) => {
  expect(deadlineMsOf({ ...WHOLE, ...look })).toBe(ms);
});
