/**
 * What must be right before `sluice dev` starts anything.
 */
import { CommandError, type ExitName } from "../exit-codes.ts";
import type { CheckResult } from "../preflight/check.ts";
import { checkDataDirectory } from "../preflight/data-directory.ts";
import { checkFfmpeg } from "../preflight/ffmpeg.ts";
import { checkPorts } from "../preflight/ports.ts";
import type { DevOptions } from "./options.ts";

/** ffmpeg, the three ports and the data directory, side by side. */
export async function checkDev(options: DevOptions): Promise<readonly CheckResult[]> {
  const { settings } = options;
  const wishes = [
    { port: settings.API_PORT, flag: "--api-port" },
    { port: settings.RTMP_PORT, flag: "--rtmp-port" },
    { port: settings.HLS_PORT, flag: "--hls-port" },
  ].filter(({ port }) => port !== 0);
  const [ffmpeg, ports, storage] = await Promise.all([
    checkFfmpeg(settings.FFMPEG_PATH, settings.ENCODER),
    checkPorts(settings.HOST, wishes),
    checkDataDirectory(options.dataDirectory),
  ]);
  return [ffmpeg, ...ports, storage];
}

/** Throws one error that names everything bad; what is missing decides the exit code. */
export function refuseBadChecks(results: readonly CheckResult[]): void {
  const wrong = results.filter(({ state }) => state === "bad");
  if (wrong.length === 0) return;
  const exit: ExitName = wrong.some((result) => result.exit === "missing") ? "missing" : "failed";
  const lines = wrong.map(({ name, detail, hint }) => {
    const next = hint === null ? "" : `\n    → ${hint}`;
    return `${name}: ${detail}${next}`;
  });
  throw new CommandError(exit, lines.join("\n  "));
}
