import { expect, test } from "vitest";
import { listIntakeFindings, NO_INTAKE_FINDINGS } from "./findings.ts";

test("listIntakeFindings() has nothing to say about a clean source", () => {
  expect(listIntakeFindings(NO_INTAKE_FINDINGS)).toEqual([]);
});

test.each([
  [{ keyframesMisflagged: true }, { code: "KEYFRAMES_MISFLAGGED" }],
  [
    { intraRefresh: true, keyframesMisflagged: true },
    { code: "KEYFRAME_INTERVAL", isRefreshed: true },
  ],
  [{ audioWithoutConfig: true }, { code: "AUDIO_CODEC", codec: null }],
  [{ lateTrack: "video" as const }, { code: "LATE_TRACK", track: "video" }],
  [{ extraTracks: 2 }, { code: "EXTRA_TRACKS", measured: 2, wanted: 0 }],
])("listIntakeFindings() turns %j into an issue", (found, finding) => {
  expect(listIntakeFindings({ ...NO_INTAKE_FINDINGS, ...found })).toEqual([finding]);
});
