/**
 * Players without a window, judged by the position they reach: VLC and GStreamer, as they come from
 * Debian, mpv and ffmpeg.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { until } from "./until.ts";

/** How far a player came. */
export type Played = {
  /** Seconds of media played, by the player's own clock. */
  readonly playedS: number;
  /** Where it began, by the same clock. */
  readonly fromS: number;
  readonly log: string;
};

type Wish = {
  readonly url: string;
  /** Played for this long by the wall clock, at least. */
  readonly seconds: number;
  /** Where it is to begin, where the player can be told. Default: where it likes. */
  readonly startS?: number;
  readonly deadlineMs: number;
};

const UNPRIVILEGED_ID = "65534";

/** How to start a program as nobody, when we are root: VLC refuses to run as that. */
export function asAnybody(program: string, args: readonly string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [program, [...args]];
  const ids = [`--reuid=${UNPRIVILEGED_ID}`, `--regid=${UNPRIVILEGED_ID}`, "--clear-groups"];
  return ["setpriv", [...ids, program, ...args]];
}

/** Plays with VLC's dummy outputs; its remote control tells the position. */
export async function playInVlc(wish: Wish): Promise<Played> {
  const args = ["-I", "oldrc", "--rc-fake-tty", "--no-color", "--vout", "vdummy"];
  const sound = ["--aout", "adummy", "--no-video-title-show", "--ignore-config"];
  const start = wish.startS === undefined ? [] : [`--start-time=${wish.startS}`];
  const [program, argv] = asAnybody("vlc", [...args, ...sound, ...start, wish.url]);
  const child = spawn(program, argv, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, HOME: "/nonexistent", XDG_RUNTIME_DIR: "/nonexistent" },
  });
  const positions = (log: string) =>
    [...log.matchAll(/^(?:> )*(\d+)\r?$/gm)].map(([, position]) => Number(position));
  const poll = setInterval(() => child.stdin.write("get_time\n"), 250);
  return await watch(child, wish, positions).finally(() => clearInterval(poll));
}

/** Plays with `playbin3` into nowhere, at the pace of the clock. */
export async function playInGStreamer(wish: Wish): Promise<Played> {
  const sink = "progressreport update-freq=1 silent=false do-query=false ! fakesink sync=true";
  const child = spawn("gst-launch-1.0", [
    "playbin3",
    `uri=${wish.url}`,
    `video-sink=${sink}`,
    "audio-sink=fakesink sync=true",
  ], { stdio: ["pipe", "pipe", "pipe"] });
  const positions = (log: string) =>
    [...log.matchAll(/progressreport\d+ \((\d+):(\d+):(\d+)\)/g)]
      .map(([, h, m, s]) => Number(h) * 3600 + Number(m) * 60 + Number(s));
  return await watch(child, wish, positions);
}

/** Plays a recording from `startS` on, with the player that GStreamer brings along. */
export async function playInGStreamerFrom(wish: Wish): Promise<Played> {
  const sinks = ["--videosink=fakesink sync=true", "--audiosink=fakesink sync=true"];
  const args = ["--no-interactive", "-s", String(wish.startS ?? 0), ...sinks, wish.url];
  const child = spawn("gst-play-1.0", args, { stdio: ["pipe", "pipe", "pipe"] });
  const positions = (log: string) =>
    [...log.matchAll(/(\d+):(\d+):(\d+\.\d+) \//g)]
      .map(([, h, m, s]) => Number(h) * 3600 + Number(m) * 60 + Number(s));
  return await watch(child, wish, positions);
}

/** Plays with mpv into nowhere; what its user has configured is left out. */
export async function playInMpv(wish: Wish): Promise<Played> {
  const output = ["--vo=null", "--ao=null", "--term-status-msg=at=${=time-pos}"];
  const child = spawn("mpv", ["--no-config", ...output, wish.url], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const positions = (log: string) =>
    [...log.matchAll(/at=(\d+\.\d+)/g)].map(([, position]) => Number(position));
  return await watch(child, wish, positions);
}

/** Decodes with ffmpeg and stops at its first complaint. */
export async function playInFfmpeg(wish: Wish): Promise<Played> {
  const args = ["-hide_banner", "-v", "warning", "-xerror", "-progress", "pipe:1", "-re"];
  const child = spawn("ffmpeg", [...args, "-i", wish.url, "-f", "null", "-"], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const positions = (log: string) =>
    [...log.matchAll(/^out_time_us=(\d+)/gm)].map(([, time]) => Number(time) / 1e6);
  return await watch(child, wish, positions);
}

/** Waits until the positions span enough, or the player ends by itself. */
async function watch(
  child: ChildProcess,
  { seconds, deadlineMs }: Wish,
  positionsIn: (log: string) => number[],
): Promise<Played> {
  let log = "";
  let hasEnded = false;
  const note = (bytes: Uint8Array) => log += Buffer.from(bytes).toString();
  child.stdout?.on("data", note);
  child.stderr?.on("data", note);
  child.stdin?.on("error", () => {});
  child.on("error", (error) => {
    log += error.message;
    hasEnded = true;
  });
  const ended = new Promise<void>((resolve) =>
    child.on("close", () => {
      hasEnded = true;
      resolve();
    })
  );
  const positions = () => positionsIn(log).filter((position) => position > 0);
  const fromS = () => positions().length === 0 ? 0 : Math.min(...positions());
  const playedS = () => positions().length === 0 ? 0 : Math.max(...positions()) - fromS();
  await until(() => hasEnded || playedS() >= seconds, deadlineMs).catch(() => undefined);
  child.kill("SIGKILL");
  if (child.pid !== undefined) await ended;
  return { playedS: playedS(), fromS: fromS(), log: log.slice(-4000) };
}
