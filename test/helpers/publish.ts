/**
 * A real ffmpeg as the broadcaster, and what ffprobe sees of the playlist it makes.
 */
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export type PublishProcess = {
  readonly pid: number | undefined;
  /** Everything ffmpeg has said so far. */
  readonly log: () => string;
  /** Undefined while it runs. */
  readonly exitCode: () => number | undefined;
  /** As a broadcaster who presses stop: FLV trailer, FCUnpublish, deleteStream. */
  readonly stop: () => Promise<void>;
  /** As a machine that loses its power. */
  readonly kill: () => Promise<void>;
};

export type PublishOptions = {
  /** `1280x720` by default. */
  readonly size?: string;
  readonly fps?: number;
  /** Frames from one keyframe to the next, two seconds by default. */
  readonly keyframeInterval?: number;
};

/** Publishes a moving test pattern with a tone to `url` in real time until it is stopped. */
export function startPublish(url: string, options: PublishOptions = {}): PublishProcess {
  const { size = "1280x720", fps = 30 } = options;
  const input = (graph: string) => ["-re", "-f", "lavfi", "-i", graph];
  const args = [
    ["-hide_banner", "-nostats", "-loglevel", "info"],
    input(`testsrc2=size=${size}:rate=${fps}`),
    input("sine=frequency=440:sample_rate=48000"),
    ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"],
    ["-g", String(options.keyframeInterval ?? fps * 2), "-b:v", "2500k"],
    ["-c:a", "aac", "-b:a", "128k", "-f", "flv", url],
  ].flat();
  const child = spawn("ffmpeg", args, { stdio: ["pipe", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => log += text);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    pid: child.pid,
    log: () => log,
    exitCode: () => child.exitCode ?? undefined,
    stop: async () => {
      child.stdin.end("q");
      await exited;
    },
    kill: async () => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await exited;
    },
  };
}

/** URLs of the media playlists a multivariant playlist names, by the last folder of their path. */
export async function readRenditions(url: string): Promise<Record<string, string>> {
  const text = await (await fetch(url)).text();
  const uris = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(uris.map((uri) => {
    const rendition = new URL(uri, url);
    return [rendition.pathname.split("/").at(-2) ?? uri, rendition.href];
  }));
}

/**
 * Presentation times (s) of the first keyframes of every rendition, as ffprobe reads them from the
 * playlist; `seconds` bounds how much is read.
 */
export async function readKeyframeTimes(
  url: string,
  seconds: number,
): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = {};
  for (const [name, rendition] of Object.entries(await readRenditions(url))) {
    const bound = Number.isFinite(seconds) ? ["-read_intervals", `%+${seconds}`] : [];
    const args = [
      ["-v", "error", "-live_start_index", "0", "-select_streams", "v:0", ...bound],
      ["-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", rendition],
    ].flat();
    const { stdout } = await run("ffprobe", args, { timeout: 30_000 });
    times[name] = stdout.split("\n").map((line) => line.split(","))
      .filter(([, flags]) => flags?.startsWith("K")).map(([time]) => Number(time));
  }
  return times;
}
