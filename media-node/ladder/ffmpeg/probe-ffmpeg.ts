/**
 * Whether the ffmpeg of this machine can carry a broadcast; said at the start, not at the first one.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "#shared/errors.ts";
import { childEnv, findExecutable } from "./command.ts";
import type { Encoder } from "./ffmpeg-args.ts";
import type { FrameModeFlag } from "./frame-mode.ts";

const run = promisify(execFile);

/** `-force_key_frames` with `prev_forced_t`, `-stats_period` and what else we rely on. */
const OLDEST = { major: 4, minor: 4 };
/** What `-vsync` is called since. */
const FPS_MODE_SINCE = { major: 5, minor: 1 };
const PROBE_DEADLINE_MS = 10_000;
const AUDIO_ENCODER = "aac";

export type FfmpegFacts = {
  readonly path: string;
  /** As ffmpeg says it: "5.1.9-0+deb12u1". */
  readonly version: string;
  readonly encoders: readonly string[];
  /** The name of the option that passes frames through at their own times. */
  readonly frameModeFlag: FrameModeFlag;
};

/** Something about ffmpeg that keeps a media node from starting, with what to do about it. */
export class FfmpegUnusable extends Error {
  override readonly name = "FfmpegUnusable";
}

/**
 * Finds ffmpeg and checks its version and encoders.
 * @param name a path, or a name to look for on PATH
 * @throws FfmpegUnusable naming what is missing
 */
export async function probeFfmpeg(
  name: string,
  encoder: Encoder = "libx264",
): Promise<FfmpegFacts> {
  const path = findExecutable(name);
  if (path === null) {
    throw new FfmpegUnusable(
      `ffmpeg is missing: there is no ${name}; install it (apt-get install ffmpeg) or set FFMPEG_PATH`,
    );
  }
  const [about, list] = await Promise.all([
    ask(path, ["-version"]),
    ask(path, ["-hide_banner", "-encoders"]),
  ]);
  const version = readVersion(path, about);
  const encoders = readEncoders(list);
  for (const needed of [encoder, AUDIO_ENCODER]) {
    if (!encoders.includes(needed)) {
      throw new FfmpegUnusable(
        `${path} (${version}) has no ${needed}: install a build that has it`,
      );
    }
  }
  if (encoder !== "libx264") await tryEncoder(path, encoder);
  const frameModeFlag = isOlder(version, FPS_MODE_SINCE) ? "-vsync" : "-fps_mode";
  return { path, version, encoders, frameModeFlag };
}

/** Builds without a number (from git) are taken to be new enough. */
function readVersion(path: string, text: string): string {
  const version = /^ffmpeg version (\S+)/.exec(text)?.[1];
  if (version === undefined) throw new FfmpegUnusable(`${path} is not ffmpeg`);
  if (isOlder(version, OLDEST)) {
    throw new FfmpegUnusable(
      `${path} is version ${version}; Sluice needs ${OLDEST.major}.${OLDEST.minor} or newer`,
    );
  }
  return version;
}

/** Builds without a number are not older than anything. */
function isOlder(version: string, than: { major: number; minor: number }): boolean {
  const [, major, minor] = /^n?(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return false;
  return Number(major) < than.major ||
    (Number(major) === than.major && Number(minor) < than.minor);
}

/** Lines look like ` V....D libx264   libx264 H.264 / AVC …`. */
function readEncoders(text: string): string[] {
  return [...text.matchAll(/^ [VAS][.A-Z]{5} (\S+)/gm)].map(([, name]) => name ?? "");
}

/** A hardware encoder may be built in while the hardware is not there. */
async function tryEncoder(path: string, encoder: Encoder): Promise<void> {
  const picture = ["-f", "lavfi", "-i", "color=size=320x180:rate=30", "-frames:v", "1"];
  await ask(path, ["-v", "error", ...picture, "-c:v", encoder, "-f", "null", "-"]);
}

async function ask(path: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(path, [...args], {
      env: childEnv(),
      timeout: PROBE_DEADLINE_MS,
      maxBuffer: 4 * 1024 * 1024,
    });
    return stdout;
  } catch (error) {
    throw new FfmpegUnusable(`${path} ${args.join(" ")} failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
