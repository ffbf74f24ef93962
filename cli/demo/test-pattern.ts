/**
 * The command line of ffmpeg's test pattern as a publisher: 720p30 with a burnt-in clock and a tone.
 */
import { existsSync } from "node:fs";

/** A font for the clock; every Debian ffmpeg brings the first one along. */
const FONTS = [
  "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
  "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
  "/usr/share/fonts/TTF/DejaVuSans.ttf",
  "/System/Library/Fonts/Menlo.ttc",
];

export const FRAME_RATE = 30;
const KEYFRAME_EVERY_FRAMES = FRAME_RATE * 2;

/** The first font of this machine that the clock can use; null leaves the pattern's own counter. */
export function findFont(): string | null {
  return FONTS.find((path) => existsSync(path)) ?? null;
}

export type TestPatternOptions = {
  /** `rtmp://localhost:1935/streaming`, without the key. */
  readonly rtmpUrl: string;
  /** A file with `rtmp_playpath=<stream key>`: a key in argv could be read by anybody. */
  readonly keyFile: string;
  readonly font: string | null;
};

/** ffmpeg's arguments; it runs until it is stopped. */
export function buildTestPatternArgs(options: TestPatternOptions): readonly string[] {
  return [
    ...["-hide_banner", "-nostdin", "-loglevel", "error"],
    // At the pace of the clock, as an encoder would.
    ...["-re", "-f", "lavfi", "-i", `testsrc2=size=1280x720:rate=${FRAME_RATE}`],
    // A quiet tone with a beep every second.
    ...["-re", "-f", "lavfi", "-i", "sine=frequency=330:beep_factor=3:sample_rate=48000"],
    ...["-filter:v", clockFilter(options.font), "-filter:a", "volume=0.3"],
    // The least work that still gives what OBS is asked for: no B-frames, a keyframe every 2 s, CBR.
    ...["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"],
    ...["-threads", "1"],
    ...["-g", String(KEYFRAME_EVERY_FRAMES), "-keyint_min", String(KEYFRAME_EVERY_FRAMES)],
    ...["-sc_threshold", "0", "-b:v", "2000k", "-maxrate", "2000k", "-bufsize", "2000k"],
    ...["-c:a", "aac", "-b:a", "96k", "-ac", "2"],
    ...["-fpre", options.keyFile],
    ...["-f", "flv", "-flvflags", "no_duration_filesize", options.rtmpUrl],
  ];
}

function clockFilter(font: string | null): string {
  if (font === null) return "null";
  const style = "fontsize=72:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=16";
  return `drawtext=fontfile=${font}:text='%{localtime\\:%T}':${style}:x=(w-text_w)/2:y=h*0.72`;
}
