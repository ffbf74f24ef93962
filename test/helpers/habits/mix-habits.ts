/**
 * The habits and sources that are mixed, each with what it does to the length of a recording.
 */
import { caption } from "./captions.ts";
import { addTrack, wrapFirst } from "./multitrack.ts";
import { flag, repeatParameterSets, shortenLengths, splitUnits, toAnnexB } from "./pictures.ts";
import { leaveAdts } from "./sounds.ts";
import type { HabitSource } from "./sources.ts";
import { jitter, sendInBursts, setClocks, startClocksAt, wrapAfter } from "./stamps.ts";
import { addEmptyTags, addUnknownTags } from "./strays.ts";
import {
  delayHeader,
  describeAs,
  leaveOut,
  pauseSound,
  plugInLate,
  shiftTrack,
  without,
  withoutHeader,
} from "./tracks.ts";
import type { Habit } from "./wire-tag.ts";

/** In the order in which habits are applied. */
export const STAGES = ["media", "form", "tag", "clock", "wire"] as const;

export type MadeHabit = {
  readonly label: string;
  readonly habit: Habit;
  /** The recording may be so much longer than the source. */
  readonly addsS?: number;
  /** The picture is so much later than its sound. */
  readonly flashAfterBeepMs?: number;
  /** So long there is no picture. */
  readonly blankS?: number;
  /** Nobody can decode the sound. */
  readonly isMute?: boolean;
  /** It must be sent in real time. */
  readonly isTimed?: boolean;
  /** Pictures do not come one every frame. */
  readonly isUneven?: boolean;
};

export type MixHabit = {
  readonly stage: typeof STAGES[number];
  /** Two habits with a group in common exclude each other. */
  readonly groups: readonly string[];
  readonly needsSound?: boolean;
  readonly needsSize?: string;
  readonly make: (random: () => number) => MadeHabit;
};

export type MixSource = {
  readonly name: string;
  readonly source: HabitSource;
  readonly isUneven?: boolean;
};

const SMALL = { seconds: 5, size: "128x96", fps: 15, keyframeSeconds: 1 };

/** Each has a keyframe at every second, but for those that have none. */
export const MIX_SOURCES: readonly MixSource[] = [
  { name: "15 fps", source: SMALL },
  { name: "30 fps", source: { ...SMALL, fps: 30 } },
  { name: "2 s GOPs", source: { ...SMALL, seconds: 6, keyframeSeconds: 2 } },
  { name: "B-frames", source: { ...SMALL, bFrames: 2 } },
  { name: "slices", source: { ...SMALL, x264: "slices=3" } },
  { name: "silent", source: { ...SMALL, isSilent: true } },
  {
    name: "a silent camera",
    source: { ...SMALL, seconds: 6, fps: 1, isSilent: true },
    isUneven: true,
  },
  {
    name: "a slow camera with sound",
    source: { ...SMALL, seconds: 6, fps: 2 },
    isUneven: true,
  },
  {
    name: "fields",
    source: {
      ...SMALL,
      fps: 50,
      keyframeSeconds: 0.5,
      filter: "interlace=scan=tff",
      videoArgs: ["-flags", "+ildct+ilme"],
      x264: "tff=1",
    },
  },
];

const between = (random: () => number, from: number, to: number) =>
  Math.round(from + random() * (to - from));

function fixed(label: string, habit: Habit): MixHabit["make"] {
  return () => ({ label, habit });
}

const MEDIA: readonly Omit<MixHabit, "stage">[] = [
  {
    groups: ["gap"],
    needsSound: true,
    make: (random) => {
      const fromMs = between(random, 0, 3000);
      const toMs = fromMs + between(random, 200, 3000);
      return { label: `muted ${fromMs}–${toMs} ms`, habit: leaveOut("audio", fromMs, toMs) };
    },
  },
  {
    groups: ["gap"],
    needsSound: true,
    make: (random) => {
      const fromMs = between(random, 500, 4000);
      return { label: `unplugged at ${fromMs} ms`, habit: leaveOut("audio", fromMs) };
    },
  },
  { groups: ["gap"], needsSound: true, make: fixed("pauses its sound", pauseSound()) },
  {
    groups: ["gap", "video-gap"],
    needsSound: true,
    make: (random) => {
      const fromMs = between(random, 1100, 1900);
      // Back with a keyframe, whatever the source.
      return {
        label: `no picture ${fromMs}–4000 ms`,
        habit: leaveOut("video", fromMs, 4000),
        blankS: (4000 - fromMs) / 1000,
        isTimed: true,
        isUneven: true,
      };
    },
  },
  {
    groups: ["gap", "audio-header", "adts", "audio-stamps", "burst", "audio-track", "shift"],
    needsSound: true,
    make: fixed("no audio", without("audio")),
  },
  {
    groups: ["gap", "units", "sets", "flag", "video", "video-gap", "shift", "video-stamps"],
    needsSound: true,
    make: fixed("no video", without("video")),
  },
  { groups: ["captions", "video"], make: fixed("captions", caption("MIX", 30)) },
];

const FORM: readonly Omit<MixHabit, "stage">[] = [
  { groups: ["units"], make: fixed("units in tags of their own", splitUnits()) },
  { groups: ["units"], make: fixed("start codes", toAnnexB()) },
  { groups: ["units"], make: fixed("start codes of 3 bytes", toAnnexB(3)) },
  {
    groups: ["units", "sets"],
    make: fixed(
      "parameter sets and slices in tags of their own",
      (tags) => splitUnits()(repeatParameterSets({ keepsHeader: true })(tags)),
    ),
  },
  {
    groups: ["units", "sets"],
    make: fixed(
      "start codes without an AVC header",
      (tags) => toAnnexB()(repeatParameterSets({ keepsHeader: false })(tags)),
    ),
  },
  { groups: ["units"], make: fixed("lengths of 2 bytes", shortenLengths(2)) },
  {
    groups: ["units", "sets"],
    make: fixed("no AVC header", repeatParameterSets({ keepsHeader: false })),
  },
  { groups: ["adts"], needsSound: true, make: fixed("ADTS", leaveAdts()) },
  { groups: ["adts"], needsSound: true, make: fixed("two ADTS frames a tag", leaveAdts(2)) },
  {
    groups: ["audio-header"],
    needsSound: true,
    make: () => ({ label: "no AAC header", habit: withoutHeader("audio"), isMute: true }),
  },
];

const TAG: readonly Omit<MixHabit, "stage">[] = [
  { groups: ["flag"], make: fixed("all flagged", flag("all")) },
  { groups: ["flag"], make: fixed("none flagged", flag("none")) },
  {
    groups: ["flag"],
    make: (random) => {
      const atMs = between(random, 200, 4500);
      return { label: `flagged at ${atMs} ms`, habit: flag({ atMs }) };
    },
  },
  {
    groups: ["audio-header"],
    needsSound: true,
    make: (random) => {
      const ms = between(random, 30, 2500);
      return {
        label: `AAC header after ${ms} ms`,
        habit: delayHeader("audio", ms),
        isTimed: true,
      };
    },
  },
  {
    groups: ["audio-header", "gap"],
    needsSound: true,
    make: (random) => {
      const ms = between(random, 30, 2500);
      return { label: `sound after ${ms} ms`, habit: plugInLate("audio", ms), isTimed: true };
    },
  },
  {
    groups: ["shift"],
    needsSound: true,
    make: (random) => {
      const ms = between(random, 20, 400);
      return {
        label: `picture ${ms} ms late`,
        habit: shiftTrack("video", ms),
        addsS: ms / 1000,
        flashAfterBeepMs: ms,
        isTimed: true,
      };
    },
  },
  { groups: ["metadata"], make: fixed("no metadata", describeAs(null)) },
  { groups: ["metadata"], make: fixed("names itself only", describeAs({ encoder: "mix" })) },
  {
    groups: ["metadata"],
    make: fixed("describes its size alone", describeAs({ width: 128, height: 96 })),
  },
  {
    groups: ["metadata"],
    make: fixed(
      "names for codecs",
      describeAs({ videocodecid: "avc1", audiocodecid: "mp4a", framerate: 15 }),
    ),
  },
];

const CLOCK: readonly Omit<MixHabit, "stage">[] = [
  {
    groups: ["audio-stamps"],
    needsSound: true,
    make: (random) => {
      const ms = between(random, 5, 45);
      return { label: `audio stamps ±${ms} ms`, habit: jitter("audio", ms, ms) };
    },
  },
  {
    groups: ["video-stamps"],
    make: (random) => {
      const ms = between(random, 2, 9);
      return { label: `video stamps ±${ms} ms`, habit: jitter("video", ms, ms) };
    },
  },
  {
    groups: ["clock"],
    make: (random) => {
      const [atMs, byMs] = [between(random, 1000, 4500), between(random, 100, 900)];
      return {
        label: `clocks back by ${byMs} ms at ${atMs} ms`,
        habit: setClocks(atMs, -byMs),
        isTimed: true,
        isUneven: true,
      };
    },
  },
  {
    groups: ["clock"],
    make: (random) => {
      const [atMs, byMs] = [between(random, 1000, 4500), between(random, 100, 900)];
      return {
        label: `clocks forward by ${byMs} ms at ${atMs} ms`,
        habit: setClocks(atMs, byMs),
        addsS: byMs / 1000,
        isTimed: true,
        isUneven: true,
      };
    },
  },
  {
    groups: ["clock"],
    make: (random) => {
      const ms = between(random, 500, 4500);
      return { label: `clocks over 2^32 at ${ms} ms`, habit: wrapAfter(ms) };
    },
  },
  {
    groups: ["clock"],
    make: (random) => {
      const ms = between(random, 1, 2e9);
      return { label: `clocks from ${ms} ms`, habit: startClocksAt(ms) };
    },
  },
];

const WIRE: readonly Omit<MixHabit, "stage">[] = [
  {
    groups: ["burst"],
    needsSound: true,
    make: (random) => {
      const ms = between(random, 100, 600);
      return {
        label: `sound in bursts of ${ms} ms`,
        habit: sendInBursts("audio", ms),
        isTimed: true,
      };
    },
  },
  {
    groups: ["track", "audio-track"],
    needsSound: true,
    make: fixed("VOD track", addTrack("audio", 1)),
  },
  {
    groups: ["track", "video-track", "video"],
    make: fixed("a second video", addTrack("video", 1)),
  },
  {
    groups: ["track", "audio-track"],
    needsSound: true,
    make: fixed("audio as track 0 of many", wrapFirst("audio")),
  },
  {
    groups: ["track", "video", "units"],
    make: fixed("video as track 0 of many", wrapFirst("video")),
  },
  { groups: ["strays"], make: fixed("empty tags", addEmptyTags()) },
  { groups: ["strays"], make: fixed("unknown tags", addUnknownTags()) },
];

const BY_STAGE = { media: MEDIA, form: FORM, tag: TAG, clock: CLOCK, wire: WIRE };

export const MIX_HABITS: readonly MixHabit[] = STAGES.flatMap((stage) =>
  BY_STAGE[stage].map((habit) => ({ ...habit, stage }))
);
