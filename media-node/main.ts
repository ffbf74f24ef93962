/**
 * The media node as a process, on Bun: settings → dependencies → serve → drain.
 *
 * Prints one JSON line with its ports on stdout when it listens. Exit codes: 2 for bad settings, 5
 * when ffmpeg is missing or unfit, 1 for a failed start.
 */
import { join } from "node:path";
import { readSettings, SettingsError } from "#shared/config.ts";
import { createControlPlane } from "#shared/control-plane.ts";
import { messageOf } from "#shared/errors.ts";
import { deriveServiceToken } from "#shared/keys.ts";
import { drainOnSignal, startServices } from "#shared/lifecycle.ts";
import { createLogger, type Logger, writeJsonLine } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { FfmpegUnusable } from "./ladder/probe-ffmpeg.ts";
import { createMediaNode } from "./node.ts";

const EXIT_FAILED = 1;
const EXIT_SETTINGS = 2;
const EXIT_MISSING = 5;

function readNodeSettings() {
  const settings = readSettings(process.env, [
    "CONTROL_URL",
    "ENCODER",
    "FFMPEG_PATH",
    "HLS_PORT",
    "HOST",
    "LADDER",
    "LOG_LEVEL",
    "RTMP_PORT",
    "SLUICE_DATA_DIR",
    "SLUICE_SECRET",
    "SLUICE_SERVICE_TOKEN",
  ]);
  if (settings.SLUICE_SERVICE_TOKEN === undefined && settings.SLUICE_SECRET === undefined) {
    throw new SettingsError(["SLUICE_SERVICE_TOKEN: expected, or SLUICE_SECRET"]);
  }
  return settings;
}

async function main(): Promise<void> {
  const settings = readNodeSettings();
  const log = createLogger({ level: settings.LOG_LEVEL, write: writeJsonLine });
  exitOnBug(log);
  const serviceToken = settings.SLUICE_SERVICE_TOKEN ??
    await deriveServiceToken(settings.SLUICE_SECRET ?? "");
  const node = createMediaNode({
    host: settings.HOST,
    rtmpPort: settings.RTMP_PORT,
    hlsPort: settings.HLS_PORT,
    dataDir: join(settings.SLUICE_DATA_DIR, "media-node"),
    ladder: settings.LADDER,
    ffmpegPath: settings.FFMPEG_PATH,
    encoder: settings.ENCODER,
    control: createControlPlane({ url: settings.CONTROL_URL, serviceToken }),
    storage: createFileStorage({ directory: join(settings.SLUICE_DATA_DIR, "media") }),
    log,
  });
  const stop = await startServices([node], log);
  drainOnSignal({ onSignal, exit: (code) => process.exit(code) }, stop, log);
  console.log(JSON.stringify({ ...node.ports, pid: process.pid }));
}

/** A bug ends the process: its supervisor starts a clean one, which finishes what was broken off. */
function exitOnBug(log: Logger): void {
  const exit = (error: unknown) => {
    log.error("process.failed", { error });
    process.exit(EXIT_FAILED);
  };
  process.on("uncaughtException", exit);
  process.on("unhandledRejection", exit);
}

function onSignal(listener: (signal: "SIGINT" | "SIGTERM") => void): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => listener(signal));
}

function exitCodeOf(error: unknown): number {
  if (error instanceof SettingsError) return EXIT_SETTINGS;
  return error instanceof FfmpegUnusable ? EXIT_MISSING : EXIT_FAILED;
}

try {
  await main();
} catch (error) {
  console.error(messageOf(error));
  process.exit(exitCodeOf(error));
}
