import { describe, expect, test } from "vitest";
import {
  describeIssue,
  type Finding,
  type Issue,
  issueCodeSchema,
  issueSchema,
  readIssues,
  toReportedIssue,
} from "./issues.ts";

const SINCE = "2026-01-02T03:04:05.000Z";
const LATER = "2026-01-02T03:04:09.000Z";
const measure = { measured: 4.24, wanted: 2 };
const FINDINGS: readonly Finding[] = [
  { code: "KEYFRAME_INTERVAL", ...measure },
  { code: "KEYFRAMES_MISFLAGGED" },
  { code: "BITRATE_HIGH", measured: 6.25, wanted: 2.8 },
  { code: "BITRATE_UNSTEADY", ...measure },
  { code: "UPLOAD_SLOW", measured: 93, wanted: 100 },
  { code: "FPS_UNSTEADY", measured: 22.13, wanted: 30 },
  { code: "SOURCE_UNSTEADY", measured: 7, wanted: 0 },
  { code: "B_FRAMES" },
  { code: "NO_AUDIO", hadIt: true },
  { code: "SILENT_AUDIO" },
  { code: "AUDIO_CODEC", codec: "MP3" },
  { code: "NO_VIDEO", hadIt: false },
  { code: "LATE_TRACK", track: "audio" },
  { code: "EXTRA_TRACKS", measured: 2, wanted: 0 },
  { code: "MACHINE_BUSY", shortfall: "high shows the picture of mid" },
  { code: "ENCODER_LOST" },
  { code: "DISK_FULL" },
  { code: "RECORDING_FAILING", reason: "x".repeat(1000) },
  { code: "RECORDING_INCOMPLETE", measured: 24.2, wanted: 0 },
  { code: "DVR_SHORT", measured: 16, wanted: 600 },
];

describe("describeIssue()", () => {
  test("says what is wrong and what to do, with the figures", () => {
    const [keyframes] = FINDINGS;
    expect(keyframes && describeIssue(keyframes, SINCE)).toEqual({
      code: "KEYFRAME_INTERVAL",
      severity: "warning",
      sentence: "Keyframe every 4.2 s.",
      advice: "Set 2 s in OBS › Output › Keyframe interval; in FFmpeg, -g with so many frames.",
      since: SINCE,
      measured: 4.24,
      wanted: 2,
    });
  });

  test("says what keyframes are missing for", () => {
    const open = { code: "KEYFRAME_INTERVAL", ...measure, isOpen: true } as const;
    expect(describeIssue(open, SINCE).sentence).toBe("No keyframe for 4 s.");
    const refreshed = describeIssue({ code: "KEYFRAME_INTERVAL", isRefreshed: true }, SINCE);
    expect(refreshed.sentence).toContain("intra refresh");
    expect(refreshed).not.toHaveProperty("measured");
  });

  test("has one sentence and one advice for every code of the list", () => {
    expect(FINDINGS.map(({ code }) => code)).toEqual(issueCodeSchema.options);
    for (const finding of FINDINGS) {
      const issue = describeIssue(finding, SINCE);
      expect(issueSchema.parse(issue)).toEqual(issue);
      expect(issue.advice).toMatch(/^[A-Z].*\.$/);
      if (issue.code !== "RECORDING_FAILING") expect(issue.sentence).toMatch(/^[A-Z\d].*\.$/);
    }
  });
});

describe("readIssues()", () => {
  const issue: Issue = describeIssue({ code: "DISK_FULL" }, SINCE);

  test("reads what a node of this version reports", () => {
    const reported = toReportedIssue(issue);
    expect(reported).toMatchObject({
      code: "DISK_FULL",
      detail: expect.stringMatching(/\. .*\.$/),
    });
    expect(readIssues([reported, reported], LATER)).toEqual({ issues: [issue], unknown: [] });
  });

  test("reads what a node of the version before reports", () => {
    const detail = "Keyframe every 8.3 s: set 2 s in OBS › Output › Keyframe interval.";
    const former = [
      { code: "KEYFRAME_INTERVAL", detail },
      { code: "DEGRADED", detail: "high shows the picture of mid" },
      { code: "ENCODER_TOO_SLOW", detail: "The ladder is encoded at 0.80× real time." },
      { code: "LATE_TRACK", detail: "The audio began after the broadcast." },
      { code: "recording_failing", detail: "The recording cannot be written: no room" },
      { code: "recording_incomplete", detail: "4 segments (8 s) of the recording were lost." },
    ];
    const { issues, unknown } = readIssues(former, LATER);
    expect(issues.map(({ code }) => code)).toEqual([
      "KEYFRAME_INTERVAL",
      "MACHINE_BUSY",
      "LATE_TRACK",
      "RECORDING_FAILING",
      "RECORDING_INCOMPLETE",
    ]);
    expect(unknown).toEqual([]);
    expect(issues[0]).toMatchObject({ severity: "warning", sentence: detail, since: LATER });
    for (const one of issues) expect(issueSchema.parse(one)).toEqual(one);
  });

  test("names what only a newer node knows, and reads the rest", () => {
    const newer = { ...issue, code: "SOLAR_FLARE" };
    const graver = { ...issue, code: "NO_VIDEO", severity: "fatal" };
    expect(readIssues([newer, issue, graver, { code: "DEGRADED" }], LATER)).toEqual({
      issues: [issue],
      unknown: ["SOLAR_FLARE", "NO_VIDEO", "DEGRADED"],
    });
  });
});
