/**
 * The processes that `bench/ladder` measures: a media node with a publish, and bare ffmpeg.
 */
import type { Subprocess } from "bun";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LADDER, ladderSchema } from "#shared/contracts/ladder.ts";
import type { LadderPolicy } from "#shared/contracts/broadcast.ts";
import { buildFfmpegArgs } from "#media-node/ladder/ffmpeg/ffmpeg-args.ts";
import { planLadder } from "#media-node/ladder/plan.ts";
import { ControlServer } from "#test/helpers/control-server.ts";
import { until } from "#test/helpers/until.ts";

const FPS = 30;

/** 720p30 with a keyframe every 2 s and AAC, as an encoder sends it; little enough to be copied. */
export async function recordSource(directory: string): Promise<string> {
  const file = join(directory, "source.flv");
  // Noise over the pattern: a clean test picture would be far cheaper than what cameras send.
  const picture = `testsrc2=size=1280x720:rate=${FPS},noise=alls=12:allf=t`;
  const child = Bun.spawn([
    ...["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine"],
    ...["-t", "10", "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency"],
    ...["-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k", "-g", "60", "-sc_threshold"],
    ...["0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", "-y", file],
  ]);
  if (await child.exited !== 0) throw new Error("the source could not be made");
  return file;
}

/** A publish in real time, without end, of what is encoded already. */
export function publishFile(file: string, url: string): Subprocess {
  const args = ["-v", "error", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy", "-f", "flv"];
  return Bun.spawn(["ffmpeg", ...args, url], { stdin: "ignore", stderr: "ignore" });
}

export type Measured = {
  readonly pid: number;
  /** Renditions that are copies of the source. */
  readonly copies: () => readonly string[];
  readonly stop: () => Promise<void>;
};

export type NodeOptions = {
  readonly directory: string;
  readonly policy: LadderPolicy;
};

/** A media node with nothing to do; `publish` gives it a broadcast of `file`. */
export async function startNode({ directory, policy }: NodeOptions) {
  const control = new ControlServer({ settings: { ladder: policy } });
  await control.up();
  const main = new URL("../../media-node/main.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, main], {
    stdout: "pipe",
    stderr: "ignore",
    env: {
      ...process.env,
      HOST: "127.0.0.1",
      RTMP_PORT: "0",
      HLS_PORT: "0",
      LADDER: DEFAULT_LADDER,
      CONTROL_URL: control.url,
      SLUICE_SERVICE_TOKEN: "b".repeat(32),
      SLUICE_DATA_DIR: directory,
      LOG_LEVEL: "warn",
    },
  });
  const { value } = await child.stdout.getReader().read();
  const ports = JSON.parse(new TextDecoder().decode(value)) as { rtmp: number };
  const stopNode = async () => {
    child.kill("SIGTERM");
    await child.exited;
    await control.down();
  };
  const startPublish = async (file: string): Promise<Measured> => {
    const key = "sk_benchbenchbenchbench0000";
    control.addKey(key);
    const publisher = publishFile(file, `rtmp://127.0.0.1:${ports.rtmp}/streaming/${key}`);
    await until(() => control.started.length > 0, 15_000);
    const copies = () =>
      control.started.at(-1)?.renditions.filter(({ isCopy }) => isCopy).map(({ name }) => name) ??
        [];
    const stop = async () => {
      publisher.kill("SIGTERM");
      await publisher.exited;
      await stopNode();
    };
    return { pid: child.pid, copies, stop };
  };
  return { pid: child.pid, publish: startPublish, stop: stopNode };
}

/** Packager and playback with a synthetic broadcast: what `bench/viewers` loads, left alone. */
export async function startPackager(): Promise<{ pid: number; stop: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-packager-"));
  const program = new URL("../viewers/site.program.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, program, directory], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "inherit",
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await child.exited;
    await rm(directory, { recursive: true, force: true });
  };
  return { pid: child.pid, stop };
}

/** ffmpeg alone, from the file to nowhere, with the encoders exactly as our node asks for them. */
export function startBareFfmpeg(file: string): Measured {
  const video = { codec: "avc1.64001f", width: 1280, height: 720, fps: FPS, bitrateBps: null };
  const { rungs } = planLadder(ladderSchema.parse(DEFAULT_LADDER), {
    video,
    audio: null,
    encoder: null,
  });
  const ours = buildFfmpegArgs({
    rungs,
    rate: { num: FPS, den: 1 },
    encodesAudio: false,
    segmentTargetMs: 2000,
    encoder: "libx264",
    showFromS: null,
  });
  const graph = ours.slice(ours.indexOf("-filter_complex"));
  const ladder = graph.flatMap((arg) => /^pipe:\d/.test(arg) ? ["-f", "null", "-"] : [arg]);
  const plain = withoutMuxers(ladder);
  const input = ["-re", "-stream_loop", "-1", "-i", file];
  const child = Bun.spawn(["ffmpeg", "-v", "error", "-nostdin", ...input, ...plain], {
    stdout: "ignore",
    stderr: "inherit",
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await child.exited;
  };
  return { pid: child.pid, copies: () => [], stop };
}

/** The flags of our pipes' muxers mean nothing to the null muxer. */
function withoutMuxers(args: readonly string[]): string[] {
  const pairs = new Set(["-flvflags", "-flush_packets"]);
  return args.filter((arg, at) => {
    const isFlv = (arg === "-f" && args[at + 1] === "flv") ||
      (arg === "flv" && args[at - 1] === "-f");
    return !isFlv && !pairs.has(arg) && !pairs.has(args[at - 1] ?? "");
  });
}
