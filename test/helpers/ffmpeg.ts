/**
 * Real ffmpeg for tests: publishes of a test pattern, recordings of one, and ffprobe's view of media.
 */
import { type ChildProcess, spawn } from "node:child_process";

/** A test source: moving picture, and a tone that beeps once a second. */
export type TestPattern = {
  /** Null: no video. Default 320x180 at 30 fps. */
  readonly size?: string | null;
  readonly fps?: number;
  /** Default one keyframe a second. */
  readonly keyframeSeconds?: number;
  readonly bFrames?: number;
  readonly videoBitrate?: string;
  /** Further options of the video encoder; the last one of a name counts. */
  readonly videoOptions?: readonly string[];
  /** A filter over the picture, or over the sound. */
  readonly videoFilter?: string;
  readonly audioFilter?: string;
  /** Default `aac`; null: no audio. */
  readonly audioCodec?: "aac" | "libmp3lame" | null;
  readonly audioRateHz?: number;
  readonly audioChannels?: number;
  /** Default: without end. */
  readonly seconds?: number;
  /** A white flash of one tenth of a second with a beep at each full second, for lip-sync checks. */
  readonly isFlashing?: boolean;
  /** The picture says which frame it is, counted from this; see `frame-numbers.ts`. */
  readonly firstFrame?: number;
};

/** Columns of a picture that says its number: the lowest bit on the left, white is 1. */
export const NUMBER_BITS = 12;

export type ProcessEnd = { readonly code: number | null; readonly stderr: string };

/** A running publish. */
export type Publish = {
  readonly pid: number;
  /** Presses stop: ffmpeg says goodbye to the server. */
  stop(): Promise<ProcessEnd>;
  /** Pulls the plug: no goodbye. */
  kill(): Promise<ProcessEnd>;
  readonly exited: Promise<ProcessEnd>;
};

/** ffmpeg arguments of `pattern` as FLV, without pacing and output. */
export function patternArgs(pattern: TestPattern = {}): string[] {
  const { fps = 30, keyframeSeconds = 1, seconds } = pattern;
  const size = pattern.size === undefined ? "320x180" : pattern.size;
  const audioCodec = pattern.audioCodec === undefined ? "aac" : pattern.audioCodec;
  const duration = seconds === undefined ? [] : ["-t", String(seconds)];
  const inputs: string[] = [];
  const outputs: string[] = [];
  if (size !== null) {
    inputs.push("-f", "lavfi", "-i", videoSource(pattern, size, fps));
    outputs.push("-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p");
    outputs.push("-bf", String(pattern.bFrames ?? 0), "-sc_threshold", "0");
    outputs.push("-g", String(Math.round(fps * keyframeSeconds)));
    outputs.push("-b:v", pattern.videoBitrate ?? "400k");
    if (pattern.bFrames === undefined) outputs.push("-tune", "zerolatency");
    outputs.push(...pattern.videoOptions ?? []);
    if (pattern.videoFilter !== undefined) outputs.push("-vf", pattern.videoFilter);
  }
  if (audioCodec !== null) {
    const rateHz = pattern.audioRateHz ?? 48_000;
    inputs.push("-f", "lavfi", "-i", `sine=frequency=1000:sample_rate=${rateHz}`);
    const filter = pattern.audioFilter ?? (pattern.isFlashing === true ? BEEP_FILTER : null);
    if (filter !== null) outputs.push("-af", filter);
    outputs.push("-map", size === null ? "0:a" : "1:a", "-c:a", audioCodec, "-b:a", "96k");
    outputs.push("-ac", String(pattern.audioChannels ?? 2));
  }
  return [...inputs, ...duration, ...outputs, "-f", "flv"];
}

/** Loud for the first tenth of each second, silent for the rest. */
const BEEP_FILTER = "volume=volume='lt(mod(t,1),0.1)':eval=frame";

function videoSource({ isFlashing, firstFrame }: TestPattern, size: string, fps: number): string {
  if (firstFrame !== undefined) {
    const bit = `mod(floor((N+${firstFrame})/pow(2,X)),2)`;
    const columns = `color=size=${NUMBER_BITS}x2:rate=${fps},geq=lum='16+219*${bit}':cb=128:cr=128`;
    return `${columns},scale=${size.replace("x", ":")}:flags=neighbor,setsar=1`;
  }
  if (isFlashing !== true) return `testsrc2=size=${size}:rate=${fps}`;
  const flash = "drawbox=color=white:t=fill:enable='lt(mod(t+0.0001,1),0.1)'";
  return `color=black:size=${size}:rate=${fps},${flash}`;
}

/** `pattern` as the bytes of an FLV file; needs `seconds`. */
export async function recordFlv(pattern: TestPattern & { seconds: number }): Promise<Uint8Array> {
  return await runForOutput("ffmpeg", ["-v", "error", ...patternArgs(pattern), "pipe:1"]);
}

/** Publishes `pattern` in real time to an `rtmp://…` URL. */
export function publish(url: string, pattern: TestPattern = {}): Publish {
  const pacing = ["-re"];
  const [...args] = patternArgs(pattern);
  // `-re` belongs before each input.
  const paced = args.flatMap((arg, at) =>
    arg === "-f" && args[at + 2] === "-i" ? [...pacing, arg] : [arg]
  );
  return publishArgs([...paced, "-flvflags", "no_duration_filesize", url]);
}

/** Publishes with ffmpeg arguments of one's own. */
export function publishArgs(args: readonly string[]): Publish {
  const child = spawn("ffmpeg", ["-hide_banner", "-v", "warning", ...args], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  const exited = waitForEnd(child);
  const end = async (act: () => void) => {
    act();
    const late = setTimeout(() => child.kill("SIGKILL"), 5000);
    const result = await exited;
    clearTimeout(late);
    return result;
  };
  return {
    pid: child.pid ?? 0,
    stop: () => end(() => child.stdin?.end("q")),
    kill: () => end(() => child.kill("SIGKILL")),
    exited,
  };
}

function waitForEnd(child: ChildProcess): Promise<ProcessEnd> {
  let stderr = "";
  child.stderr?.on("data", (chunk: Uint8Array) => {
    stderr = (stderr + Buffer.from(chunk).toString("utf8")).slice(-20_000);
  });
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: null, stderr: error.message }));
    child.on("close", (code) => resolve({ code, stderr }));
  });
}

/** stdout of a program that must succeed, fed with `input`. */
export async function runForOutput(
  program: string,
  args: readonly string[],
  input?: Uint8Array,
): Promise<Uint8Array> {
  return (await run(program, args, input)).stdout;
}

/** What a program that must succeed says on stderr, fed with `input`. */
export async function runForReport(
  program: string,
  args: readonly string[],
  input?: Uint8Array,
): Promise<string> {
  return (await run(program, args, input)).stderr;
}

async function run(
  program: string,
  args: readonly string[],
  input?: Uint8Array,
): Promise<{ stdout: Uint8Array; stderr: string }> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  const chunks: Uint8Array[] = [];
  child.stdout.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const { code, stderr } = await waitForEnd(child);
  if (code === 0) return { stdout: Buffer.concat(chunks), stderr };
  throw new Error(`${program} ended with ${code}: ${stderr.slice(-2000)}`);
}

/** Decodes all of a file or URL. @throws Error with what ffmpeg says, were it one complaint */
export async function decodeAll(target: string): Promise<void> {
  const args = ["-v", "error", "-xerror", "-i", target, "-f", "null", "-"];
  const { code, stderr } = await waitForEnd(
    spawn("ffmpeg", args, { stdio: ["ignore", "ignore", "pipe"] }),
  );
  if (code !== 0 || stderr !== "") throw new Error(`ffmpeg ended with ${code}: ${stderr}`);
}

/** One packet or frame as ffprobe's CSV gives it. */
export type ProbedPacket = { readonly ptsS: number; readonly isKeyframe: boolean };

/** The packets of one stream (`v:0`, `a:0`) of a file or URL, in file order. */
export async function probePackets(
  target: string,
  stream: string,
  options: readonly string[] = [],
): Promise<ProbedPacket[]> {
  const csv = await runForOutput("ffprobe", [
    ...["-v", "error", "-select_streams", stream, ...options],
    ...["-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", target],
  ]);
  return Buffer.from(csv).toString().trim().split("\n").filter((line) => line !== "").map(
    (line) => {
      const [pts = "", flags = ""] = line.split(",");
      return { ptsS: Number(pts), isKeyframe: flags.startsWith("K") };
    },
  );
}

export type ProbedStream = {
  readonly codec_type: string;
  readonly codec_name: string;
  readonly width?: number;
  readonly height?: number;
  readonly channels?: number;
  readonly sample_rate?: string;
};

/** What ffprobe says about the streams of a file or URL. */
export async function probeStreams(target: string): Promise<ProbedStream[]> {
  const json = await runForOutput("ffprobe", [
    ...["-v", "error", "-show_streams", "-of", "json", target],
  ]);
  const { streams } = JSON.parse(Buffer.from(json).toString()) as { streams: ProbedStream[] };
  return streams;
}

export type Durations = {
  readonly startS: number;
  readonly durationS: number;
  /** Of each stream, by its type. */
  readonly streams: Readonly<Record<string, number>>;
};

/** When a file begins, how long it is, and how long its streams are. */
export async function probeDurations(file: string): Promise<Durations> {
  const entries = "format=start_time,duration:stream=codec_type,duration";
  const json = await runForOutput("ffprobe", [
    ...["-v", "error", "-show_entries", entries, "-of", "json", file],
  ]);
  const { format, streams } = JSON.parse(Buffer.from(json).toString()) as {
    format: { start_time: string; duration: string };
    streams: { codec_type: string; duration: string }[];
  };
  return {
    startS: Number(format.start_time),
    durationS: Number(format.duration),
    streams: Object.fromEntries(streams.map((one) => [one.codec_type, Number(one.duration)])),
  };
}
