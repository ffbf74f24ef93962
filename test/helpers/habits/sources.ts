/**
 * Good sources for habits, encoded by ffmpeg once for each description: a moving picture that turns
 * white with a beep for the first tenth of every second.
 */
import { runForOutput } from "#test/helpers/ffmpeg.ts";
import { readWireTags, type WireTag } from "./wire-tag.ts";

export type HabitSource = {
  /** Default 8. */
  readonly seconds?: number;
  /** Default 426x240. */
  readonly size?: string;
  /** Default 30. */
  readonly fps?: number;
  /** Default 2. */
  readonly keyframeSeconds?: number;
  readonly bFrames?: number;
  /** `name=value:…` of x264. */
  readonly x264?: string;
  /** Filters behind the test picture. */
  readonly filter?: string;
  /** Further output options of the video. */
  readonly videoArgs?: readonly string[];
  /** Further output options of the sound. */
  readonly soundArgs?: readonly string[];
  readonly isSilent?: boolean;
};

const made = new Map<string, Promise<WireTag[]>>();

/** The tags of a source, encoded when they are first asked for. */
export function tagsOf(source: HabitSource = {}): Promise<WireTag[]> {
  const key = JSON.stringify(source);
  const tags = made.get(key) ?? runForOutput("ffmpeg", sourceArgs(source)).then(readWireTags);
  made.set(key, tags);
  return tags;
}

const FLASH = "drawbox=color=white:t=fill:enable='lt(mod(t+0.0001,1),0.1)'";
/** To the sample: ffmpeg's volume filter beeps by whole frames. */
const BEEP = "aevalsrc='0.3*sin(2000*PI*t)*lt(mod(t,1),0.1)':s=48000";

function sourceArgs(source: HabitSource): string[] {
  const { seconds = 8, size = "426x240", fps = 30, keyframeSeconds = 2, bFrames = 0 } = source;
  const gop = String(Math.round(fps * keyframeSeconds));
  const filters = [FLASH, source.filter].filter((filter) => filter !== undefined).join(",");
  const hasSound = source.isSilent !== true;
  return [
    ...["-v", "error", "-f", "lavfi", "-i", `testsrc2=size=${size}:rate=${fps}`],
    ...(hasSound ? ["-f", "lavfi", "-i", BEEP] : []),
    ...["-t", String(seconds), "-vf", filters],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "400k"],
    ...["-bf", String(bFrames), "-g", gop, "-keyint_min", gop, "-sc_threshold", "0"],
    ...(source.x264 === undefined ? [] : ["-x264-params", source.x264]),
    ...(source.videoArgs ?? []),
    ...(hasSound ? ["-c:a", "aac", "-b:a", "96k", "-ac", "2", ...source.soundArgs ?? []] : []),
    ...["-flvflags", "no_duration_filesize", "-f", "flv", "pipe:1"],
  ];
}
