/**
 * What can be wrong with a running broadcast, as a closed list. One table holds how grave each issue
 * is and its words, so that API, console, command line and log say the same.
 */
import * as z from "zod";
import { linesSchema, storableSchema, toLine } from "./text.ts";

export const issueCodeSchema = z.enum([
  "KEYFRAME_INTERVAL",
  "KEYFRAMES_MISFLAGGED",
  "BITRATE_HIGH",
  "BITRATE_UNSTEADY",
  "UPLOAD_SLOW",
  "FPS_UNSTEADY",
  "SOURCE_UNSTEADY",
  "B_FRAMES",
  "NO_AUDIO",
  "SILENT_AUDIO",
  "AUDIO_CODEC",
  "NO_VIDEO",
  "LATE_TRACK",
  "EXTRA_TRACKS",
  "MACHINE_BUSY",
  "ENCODER_LOST",
  "DISK_FULL",
  "RECORDING_FAILING",
  "RECORDING_INCOMPLETE",
  "DVR_SHORT",
]);
export type IssueCode = z.infer<typeof issueCodeSchema>;

/** `error`: viewers or the recording lose something; `warning`: they may; `info`: good to know. */
export const issueSeveritySchema = z.enum(["info", "warning", "error"]);
export type IssueSeverity = z.infer<typeof issueSeveritySchema>;

const MAX_WORDS_CHARS = 300;

/** Something wrong with a running broadcast: one sentence says what, one says what to do. */
export const issueSchema = z.object({
  code: issueCodeSchema,
  severity: issueSeveritySchema,
  sentence: linesSchema(MAX_WORDS_CHARS),
  advice: linesSchema(MAX_WORDS_CHARS),
  since: z.iso.datetime(),
  measured: z.number().optional().describe("In the unit of the sentence"),
  wanted: z.number().optional().describe("In the unit of the sentence"),
}).meta({
  id: "Issue",
  description:
    "Something wrong with a running broadcast. What each `code` means and what to do about it is " +
    "listed in `docs/issues.md` of the project.",
});
export type Issue = z.infer<typeof issueSchema>;

/** How far apart keyframes should be: what low latency and short segments want. */
export const WANTED_KEYFRAME_S = 2;

type Track = "video" | "audio";
type Measure = { readonly measured: number; readonly wanted: number };
type None = object;

/** What the words of each issue are made of. */
type Figures = {
  /** Seconds. `isOpen`: since the last one; `isRefreshed`: the picture is renewed without keyframes. */
  KEYFRAME_INTERVAL: Measure & { readonly isOpen?: boolean } | { readonly isRefreshed: true };
  KEYFRAMES_MISFLAGGED: None;
  /** Mbit/s. */
  BITRATE_HIGH: Measure;
  /** The peak as a multiple of the mean. */
  BITRATE_UNSTEADY: Measure;
  /** Media time in per cent of wall time. */
  UPLOAD_SLOW: Measure;
  /** Frames a second. */
  FPS_UNSTEADY: Measure;
  /** Changes in 10 s. */
  SOURCE_UNSTEADY: Measure;
  B_FRAMES: None;
  NO_AUDIO: { readonly hadIt: boolean };
  SILENT_AUDIO: None;
  /** Null: AAC that comes without its configuration. */
  AUDIO_CODEC: { readonly codec: string | null };
  NO_VIDEO: { readonly hadIt: boolean };
  LATE_TRACK: { readonly track: Track };
  /** Tracks. */
  EXTRA_TRACKS: Measure;
  /** What is left out in words, or seconds encoded in a second. */
  MACHINE_BUSY: { readonly shortfall: string } | Measure;
  ENCODER_LOST: None;
  DISK_FULL: None;
  RECORDING_FAILING: { readonly reason: string };
  /** Seconds. */
  RECORDING_INCOMPLETE: Measure;
  /** Seconds. */
  DVR_SHORT: Measure;
};

type FindingOf<Code extends IssueCode> = { readonly code: Code } & Figures[Code];

/** An issue that holds right now, before it is put into words. */
export type Finding = { [Code in IssueCode]: FindingOf<Code> }[IssueCode];

type Words<Given> = {
  readonly severity: IssueSeverity;
  readonly sentence: (figures: Given) => string;
  readonly advice: (figures: Given) => string;
};

const REFRESHED =
  "The picture is refreshed bit by bit (intra refresh): there are no keyframes to begin at.";

const ISSUES: { readonly [Code in IssueCode]: Words<Figures[Code]> } = {
  KEYFRAME_INTERVAL: {
    severity: "warning",
    sentence: (figures) => {
      if ("isRefreshed" in figures) return REFRESHED;
      const { measured, isOpen } = figures;
      return isOpen === true
        ? `No keyframe for ${measured.toFixed(0)} s.`
        : `Keyframe every ${measured.toFixed(1)} s.`;
    },
    advice: (figures) =>
      "isRefreshed" in figures
        ? `Turn intra refresh off (x264: intra-refresh=0); set a keyframe every ${WANTED_KEYFRAME_S} s.`
        : `Set ${figures.wanted} s in OBS › Output › Keyframe interval; in FFmpeg, -g with so many frames.`,
  },
  KEYFRAMES_MISFLAGGED: {
    severity: "warning",
    sentence: () => "The source's keyframes are not the frames that are marked as such.",
    advice: () => "Update the encoder or use another one; until then the source is encoded anew.",
  },
  BITRATE_HIGH: {
    severity: "info",
    sentence: ({ measured, wanted }) =>
      `The source sends ${measured.toFixed(1)} Mbit/s, more than the ${wanted.toFixed(1)} Mbit/s ` +
      "that can be passed on as they are.",
    advice: ({ wanted }) =>
      `It is encoded anew, which takes processor time: to save it, set ${
        Math.round(wanted * 1000)
      } Kbps or less in OBS › Output.`,
  },
  BITRATE_UNSTEADY: {
    severity: "warning",
    sentence: ({ measured }) => `The bitrate peaks at ${measured.toFixed(1)} times its mean.`,
    advice: () => "Set CBR in OBS › Output › Rate control; in FFmpeg, -maxrate and -bufsize.",
  },
  UPLOAD_SLOW: {
    severity: "error",
    sentence: ({ measured }) => `The upload is too slow: ${measured} % of real time arrives.`,
    advice: () => "Lower the encoder's bitrate, or use a faster or wired connection.",
  },
  FPS_UNSTEADY: {
    severity: "warning",
    sentence: ({ measured, wanted }) =>
      `Frames are missing: ${measured.toFixed(1)} of ${wanted.toFixed(1)} a second arrive.`,
    advice: () => "Lower the picture size or the bitrate, or choose a faster encoder preset.",
  },
  SOURCE_UNSTEADY: {
    severity: "warning",
    sentence: ({ measured }) =>
      `The picture or the sound changed its format ${measured} times in 10 s.`,
    advice: () =>
      "Set one fixed size and codec in the encoder: each change is a break for viewers.",
  },
  B_FRAMES: {
    severity: "info",
    sentence: () =>
      "The source has B-frames: it is encoded anew, and viewers see it a little later.",
    advice: () => "Set 0 B-frames in OBS › Output; in FFmpeg, -bf 0 or -tune zerolatency.",
  },
  NO_AUDIO: {
    severity: "warning",
    sentence: ({ hadIt }) => hadIt ? "The audio has stopped." : "There is no audio.",
    advice: () => "Check the encoder's audio source and track; in OBS, Settings › Audio.",
  },
  SILENT_AUDIO: {
    severity: "warning",
    sentence: () => "The audio is silent.",
    advice: () => "Check in OBS › Audio Mixer that nothing is muted and the right device is used.",
  },
  AUDIO_CODEC: {
    severity: "warning",
    sentence: ({ codec }) =>
      codec === null
        ? "The audio is AAC without a configuration that can be read: it cannot be played."
        : `The audio is ${codec} and has to be encoded anew.`,
    advice: ({ codec }) =>
      codec === null
        ? "Start the stream again; if that does not help, update the encoder."
        : "Set AAC as the audio encoder.",
  },
  NO_VIDEO: {
    severity: "warning",
    sentence: ({ hadIt }) => hadIt ? "The video has stopped." : "There is no video.",
    advice: () => "Check the camera and the scene, and the encoder's video track.",
  },
  LATE_TRACK: {
    severity: "info",
    sentence: ({ track }) => `The ${track} began after the broadcast.`,
    advice: ({ track }) => `If viewers miss the ${track}, start the stream again.`,
  },
  EXTRA_TRACKS: {
    severity: "info",
    sentence: ({ measured }) =>
      measured === 1
        ? "One further track is left out."
        : `${measured} further tracks are left out.`,
    advice: () => "Turn off the VOD track and multitrack video in OBS: one of each is shown.",
  },
  MACHINE_BUSY: {
    severity: "warning",
    sentence: (figures) =>
      "shortfall" in figures
        ? `This machine is too busy for the whole ladder: ${figures.shortfall}.`
        : `This machine is too busy: it encodes at ${figures.measured.toFixed(2)} × real time.`,
    advice: () => "Publish a smaller picture or fewer frames per second, or free the machine.",
  },
  ENCODER_LOST: {
    severity: "error",
    sentence: () =>
      "The smaller sizes cannot be encoded: every rendition shows the source as it is.",
    advice: () => "It is tried again every 30 s; the media node's log says why.",
  },
  DISK_FULL: {
    severity: "error",
    sentence: () => "The disk is full: the recording cannot be written.",
    advice: () => "Free some room; the broadcast goes on, and recording with it.",
  },
  RECORDING_FAILING: {
    severity: "error",
    sentence: ({ reason }) => toLine(`The recording cannot be written: ${reason}`, MAX_WORDS_CHARS),
    advice: () => "Check the storage; the broadcast goes on, and writing is tried again.",
  },
  RECORDING_INCOMPLETE: {
    severity: "warning",
    sentence: ({ measured }) => `${measured.toFixed(0)} s of the recording were lost.`,
    advice: () => "Check the room and the speed of the storage before the next broadcast.",
  },
  DVR_SHORT: {
    severity: "warning",
    sentence: ({ measured, wanted }) =>
      `Viewers can go back ${measured.toFixed(0)} s instead of ${wanted.toFixed(0)} s.`,
    advice: () => "Check the room and the speed of the storage: what it did not take is missing.",
  },
};

/** `finding` in words; `since`: ISO 8601. */
export function describeIssue<Code extends IssueCode>(
  finding: FindingOf<Code>,
  since: string,
): Issue {
  const { code } = finding;
  const { severity, sentence, advice } = ISSUES[code];
  const { measured, wanted }: { code: string; measured?: number; wanted?: number } = finding;
  return {
    code,
    severity,
    sentence: sentence(finding),
    advice: advice(finding),
    since,
    ...(measured === undefined ? {} : { measured }),
    ...(wanted === undefined ? {} : { wanted }),
  };
}

/**
 * An issue as it is reported and stored: whole, or as a node of the version before says it
 * (`{code, detail}`), or of a code that only a newer node knows.
 */
export const reportedIssueSchema = z.looseObject({ code: z.string().max(64) });
export type ReportedIssue = z.infer<typeof reportedIssueSchema>;

/** `issue` with the `detail` that an API of the version before asks for. */
export function toReportedIssue(issue: Issue): ReportedIssue {
  return { ...issue, detail: `${issue.sentence} ${issue.advice}`.slice(0, 500) };
}

/** Codes of the version before. */
const FORMER_CODES: ReadonlyMap<string, IssueCode> = new Map([
  ["KEYFRAME_INTERVAL", "KEYFRAME_INTERVAL"],
  ["LATE_TRACK", "LATE_TRACK"],
  ["DEGRADED", "MACHINE_BUSY"],
  ["ENCODER_TOO_SLOW", "MACHINE_BUSY"],
  ["recording_failing", "RECORDING_FAILING"],
  ["recording_incomplete", "RECORDING_INCOMPLETE"],
]);
const formerIssueSchema = z.object({ code: z.string(), detail: storableSchema });

/**
 * The issues in what was reported or stored, each code once; `unknown` are the codes of those that
 * cannot be read. One without a `since` gets the time given.
 */
export function readIssues(
  reported: readonly ReportedIssue[],
  since: string,
): { readonly issues: readonly Issue[]; readonly unknown: readonly string[] } {
  const issues = new Map<IssueCode, Issue>();
  const unknown: string[] = [];
  for (const one of reported) {
    const issue = issueSchema.safeParse(one).data ?? readFormer(one, since);
    if (issue === null) unknown.push(one.code);
    else if (!issues.has(issue.code)) issues.set(issue.code, issue);
  }
  return { issues: [...issues.values()], unknown };
}

function readFormer(reported: ReportedIssue, since: string): Issue | null {
  const former = formerIssueSchema.safeParse(reported).data;
  const code = FORMER_CODES.get(former?.code ?? "");
  if (former === undefined || code === undefined) return null;
  const { severity } = ISSUES[code];
  const sentence = toLine(former.detail, MAX_WORDS_CHARS);
  return { code, severity, sentence, advice: "The media node's next version says more.", since };
}
