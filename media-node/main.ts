/**
 * The media node as a process, on Bun: settings → dependencies → serve → drain.
 *
 * Prints one JSON line with its ports on stdout when it listens. Exit codes: 2 for bad settings, 5
 * when ffmpeg is missing or unfit, 1 for a failed start.
 */
import { join } from "node:path";
import { readSettings, SettingsError } from "#shared/config.ts";
import { type ControlPlane, createControlPlane } from "#shared/control-plane.ts";
import { messageOf } from "#shared/errors.ts";
import { deriveServiceToken } from "#shared/keys.ts";
import { drainOnSignal, type Service, startServices } from "#shared/lifecycle.ts";
import { createLogger, type Logger, writeJsonLine } from "#shared/log.ts";
import { createWorkerQueue } from "#shared/queue/worker-queue.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { FfmpegUnusable } from "./ladder/ffmpeg/probe-ffmpeg.ts";
import { createMediaNode } from "./node.ts";
import { createMediaWorker } from "./downloads/worker.ts";

const EXIT_FAILED = 1;
const EXIT_SETTINGS = 2;
const EXIT_MISSING = 5;
/** A download that is cut off begins again elsewhere. */
const WORKER_DRAIN_MS = 2000;

function readNodeSettings() {
  const settings = readSettings(process.env, [
    "AMQP_URL",
    "CONTROL_URL",
    "DVR_WINDOW_S",
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
  const control = createControlPlane({ url: settings.CONTROL_URL, serviceToken });
  const storage = createFileStorage({ directory: join(settings.SLUICE_DATA_DIR, "media") });
  const node = createMediaNode({
    host: settings.HOST,
    rtmpPort: settings.RTMP_PORT,
    hlsPort: settings.HLS_PORT,
    dataDir: join(settings.SLUICE_DATA_DIR, "media-node"),
    ladder: settings.LADDER,
    ffmpegPath: settings.FFMPEG_PATH,
    encoder: settings.ENCODER,
    dvrWindowS: settings.DVR_WINDOW_S,
    control,
    storage,
    log,
  });
  const worker = settings.AMQP_URL === undefined
    ? []
    : createWorker(settings.AMQP_URL, { control, storage, log });
  const stop = await startServices([node, ...worker], log);
  drainOnSignal({ onSignal, exit: (code) => process.exit(code) }, stop, log);
  console.log(JSON.stringify({ ...node.ports, pid: process.pid }));
}

type WorkerDeps = {
  readonly control: ControlPlane;
  readonly storage: Storage;
  readonly log: Logger;
};

/** What writes downloads beside the broadcasts, with its queue. */
function createWorker(url: string, deps: WorkerDeps): readonly Service[] {
  const { log } = deps;
  const drainDeadlineMs = WORKER_DRAIN_MS;
  const queue = createWorkerQueue({ worker: "media", url, log, drainDeadlineMs });
  return [
    { name: "queue", start: () => queue.start(), stop: () => queue.stop() },
    createMediaWorker({ queue, ...deps }),
  ];
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
