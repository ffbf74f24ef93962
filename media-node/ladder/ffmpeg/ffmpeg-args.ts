/**
 * The argument list of one ffmpeg: FLV on stdin, one FLV per rung (and one for encoded audio) on
 * the pipes from 3 on, progress on stdout. Pure; each flag says why it is there.
 */
import type { RungPlan } from "../../formats/media.ts";
import { type FrameRate, isSlow } from "../../formats/frame-rate.ts";
import type { PictureSize } from "../picture-size.ts";
import type { FrameModeFlag } from "./frame-mode.ts";
import { PICTURE_INTERVAL_MS, pictureArgs, pictureFilter } from "./picture-args.ts";

export type Encoder =
  | "libx264"
  | "h264_nvenc"
  | "h264_qsv"
  | "h264_vaapi"
  | "h264_videotoolbox";

export type FfmpegJob = {
  /** Rungs to encode, low to high. */
  readonly rungs: readonly RungPlan[];
  /** A steady rate with keyframes of our own; null: frames and keyframes where the source has them. */
  readonly rate: FrameRate | null;
  /** Pictures may come as two fields; default false. */
  readonly isInterlaced?: boolean;
  readonly encodesAudio: boolean;
  readonly segmentTargetMs: number;
  readonly encoder: Encoder;
  /** The encoder gives up quality for speed. */
  readonly isHurried?: boolean;
  /** Scaled and encoded on several cores; default true. */
  readonly isSplit?: boolean;
  /** A small picture every few seconds, on the last output; null or left out: none. */
  readonly pictureSize?: PictureSize | null;
  /** Default `-fps_mode`, as it is called since 5.1. */
  readonly frameModeFlag?: FrameModeFlag;
  /** Decode, but do not show, what comes before this time of the input; null shows everything. */
  readonly showFromS: number | null;
};

/** File descriptor of the first output. */
export const FIRST_OUTPUT_FD = 3;

/** Bit rate and sampling of audio we encode ourselves. */
export const ENCODED_AUDIO = { bitrateBps: 128_000, sampleRateHz: 48_000, channels: 2 } as const;

/** Everything behind `ffmpeg` on its command line. */
export function buildFfmpegArgs(job: FfmpegJob): string[] {
  const { rungs, encodesAudio } = job;
  const args = [...GENERAL, ...INPUT_ARGS];
  if (job.isSplit === false) args.push("-filter_complex_threads", "1");
  if (rungs.length > 0) args.push("-filter_complex", buildFilterGraph(job));
  for (const [index, rung] of rungs.entries()) {
    args.push("-map", `[v${index}]`, ...encoderArgs(rung, job), ...outputArgs(index));
  }
  if (encodesAudio) args.push("-map", "0:a:0", ...AUDIO, ...outputArgs(rungs.length));
  if (picturesOf(job) !== null) {
    const fd = FIRST_OUTPUT_FD + rungs.length + (encodesAudio ? 1 : 0);
    args.push("-map", "[p]", ...pictureArgs(job.frameModeFlag), `pipe:${fd}`);
  }
  return args;
}

const GENERAL: readonly string[] = [
  "-hide_banner", // no build details among the lines we keep
  "-nostdin", // stdin is media, not a keyboard
  "-loglevel",
  "warning", // what goes wrong, and nothing per frame
  "-nostats", // the status line is for people
  "-stats_period",
  "1", // one progress report a second feeds the watchdog and the speed
  "-progress",
  "pipe:1", // machine-readable, and stdout is free
];

/** FLV on stdin, decoded without delay. */
export const INPUT_ARGS: readonly string[] = [
  "-threads",
  "1", // a decoder with frame threads holds back one frame per thread
  "-fpsprobesize",
  "0", // the frame rate is known: do not wait for frames to guess it
  "-probesize",
  "1M", // room for one large keyframe
  "-analyzeduration",
  "1", // stop at the first decodable frame; with one track FLV is else analysed for its full length
  "-copyts", // keep the broadcast's timeline: the audio passes beside us
  "-protocol_whitelist",
  "pipe", // media may not make ffmpeg open files or sockets
  "-f",
  "flv",
  "-i",
  "pipe:0",
];

const AUDIO: readonly string[] = [
  "-c:a",
  "aac",
  "-b:a",
  String(ENCODED_AUDIO.bitrateBps),
  "-ar",
  String(ENCODED_AUDIO.sampleRateHz), // what AAC decoders everywhere take
  "-ac",
  String(ENCODED_AUDIO.channels),
];

/** The size of the pictures that are taken, and the shape of what they show; null: none are. */
export function picturesOf(
  { rungs, pictureSize = null }: Pick<FfmpegJob, "rungs" | "pictureSize">,
): { readonly size: PictureSize; readonly shape: PictureSize } | null {
  const [{ width, height } = { width: null, height: null }] = rungs;
  // Without video there is nothing to take them of.
  if (pictureSize === null || width === null || height === null) return null;
  return { size: pictureSize, shape: { width, height } };
}

/**
 * A frame for a frame, once for all rungs; pictures that say they are progressive pass untouched. Of
 * yadif, bwdif and w3fdif it came nearest to what was filmed (SSIM 0.986, 0.984, 0.979), for 1.5 ms of
 * processor time a 720p picture.
 */
const DEINTERLACE = "yadif=mode=send_frame:deint=interlaced";

function buildFilterGraph(job: FfmpegJob): string {
  const { rungs, showFromS, isInterlaced = false } = job;
  const pictures = picturesOf(job);
  const splits = [
    ...rungs.map((_, index) => `[s${index}]`),
    ...(pictures === null ? [] : ["[s]"]),
  ];
  const input = [
    // Frames shown before a restart are needed to decode, not to be encoded again.
    ...(showFromS === null ? [] : [`trim=start=${showFromS.toFixed(6)}`]),
    ...(isInterlaced ? [DEINTERLACE] : []),
    "format=yuv420p", // 4:2:0 8 bit is what every player decodes
    `split=${splits.length}${splits.join("")}`, // decoded once
  ].join(",");
  const scales = rungs.map(({ width, height }, index) =>
    // Square pixels: rungs have the shape in which the source is shown; rounding to even sides would
    // else leave an odd aspect ratio behind.
    `[s${index}]scale=${width}:${height},setsar=1[v${index}]`
  );
  const chain = pictures === null ? [] : [pictureChain(pictures.size, pictures.shape)];
  return [`[0:v:0]${input}`, ...scales, ...chain].join(";");
}

/** Chosen first, scaled then: what is not chosen costs nothing. */
function pictureChain(size: PictureSize, shape: PictureSize): string {
  const isDue = `isnan(prev_selected_t)+gte(t-prev_selected_t,${PICTURE_INTERVAL_MS / 1000})`;
  return `[s]select='${isDue}',${pictureFilter(size, shape)}[p]`;
}

const ENCODER_ARGS: Readonly<Record<Encoder, readonly string[]>> = {
  libx264: [
    "-preset",
    "veryfast", // the knee of picture quality against CPU
    "-tune",
    "zerolatency", // no look-ahead: a frame in is a frame out
    "-sc_threshold",
    "0", // no keyframes at scene cuts: rungs would disagree about them
  ],
  h264_nvenc: ["-preset", "p4", "-tune", "ull", "-no-scenecut", "1", "-forced-idr", "1"],
  h264_qsv: ["-preset", "veryfast", "-async_depth", "1", "-forced_idr", "1"],
  h264_vaapi: ["-async_depth", "1"],
  h264_videotoolbox: ["-realtime", "1"],
};

/** What an encoder can do faster at the price of its picture; empty: nothing is known to help. */
const HURRIED_ARGS: Readonly<Record<Encoder, readonly string[]>> = {
  libx264: ["-preset", "ultrafast"],
  h264_nvenc: [],
  h264_qsv: [],
  h264_vaapi: [],
  h264_videotoolbox: [],
};

/** Whether `isHurried` makes a difference. */
export function canHurry(encoder: Encoder): boolean {
  return HURRIED_ARGS[encoder].length > 0;
}

function encoderArgs(rung: RungPlan, job: FfmpegJob): string[] {
  const { encoder } = job;
  const bps = rung.videoBitrateBps;
  return [
    "-c:v",
    encoder,
    ...ENCODER_ARGS[encoder],
    ...(job.isSplit === false ? ["-threads", "1"] : []),
    ...(job.isHurried === true ? HURRIED_ARGS[encoder] : []),
    "-profile:v",
    "high", // its tools save about a tenth; every player since 2010 has them
    "-bf",
    "0", // B-frames would delay every picture
    "-b:v",
    String(Math.round(bps * 0.9)), // the mean, below the ceiling
    "-maxrate",
    String(bps), // the ceiling the ladder promises
    "-bufsize",
    String(Math.round(bps * 1.5)), // over one and a half seconds
    ...timingArgs(job),
  ];
}

/** Into FLV ffmpeg leaves out what is too much for the grid, but repeats nothing unless it is told to. */
function fillArgs(rate: FrameRate, flag: FrameModeFlag = "-fps_mode"): string[] {
  return isSlow(rate) ? [flag, "cfr"] : [];
}

/** Only what is forced becomes a keyframe: no group of pictures is this long. */
const NO_KEYFRAMES_OF_ITS_OWN = "2400";

function timingArgs(job: FfmpegJob): string[] {
  const { rate } = job;
  const timing = rate === null
    ? [
      job.frameModeFlag ?? "-fps_mode",
      "passthrough", // the source's frames at the source's times
      "-enc_time_base",
      "1:1000", // in milliseconds, as FLV has them: a frame rate's grid would move them
      "-force_key_frames",
      "source", // keyframes where the copy has them
    ]
    : [
      "-r",
      `${rate.num}/${rate.den}`, // a steady grid: a frame's number is its time
      ...fillArgs(rate, job.frameModeFlag),
      "-force_key_frames",
      keyframeExpression(job, rate),
    ];
  return ["-g", NO_KEYFRAMES_OF_ITS_OWN, ...timing];
}

/**
 * Keyframes where segments begin: at once, after one and two seconds (short first segments let a
 * viewer in early; not after a restart), then one per segment. Counted from the last one, so rungs
 * never drift apart.
 */
function keyframeExpression({ segmentTargetMs, showFromS }: FfmpegJob, rate: FrameRate): string {
  const targetS = segmentTargetMs / 1000;
  const firstS = showFromS === null ? Math.min(1, targetS) : targetS;
  // ffmpeg counts from the first frame it encodes: as a rule the first one that is shown. A grid that
  // it fills begins at 0, and what is shown of it begins with a keyframe all the same.
  const isFirst = showFromS !== null && isSlow(rate) ? `gte(t,${showFromS.toFixed(6)})` : "1";
  const slackS = 0.001; // times are sums of fractions
  return `expr:if(isnan(prev_forced_t),${isFirst},gte(t+${slackS},prev_forced_t+if(lt(n_forced,3),${firstS},${targetS})))`;
}

function outputArgs(index: number): string[] {
  return [
    "-f",
    "flv", // hands every frame over at once; fragmented MP4 waits for the next one
    "-flvflags",
    "no_duration_filesize+no_sequence_end", // a pipe cannot be rewritten, and we know the end
    "-flush_packets",
    "1", // no buffering on the way out
    `pipe:${FIRST_OUTPUT_FD + index}`,
  ];
}
