/**
 * The resizer as a process, on Bun: settings → dependencies → serve → drain.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { readSettings, SettingsError } from "#shared/config.ts";
import { createControlPlane } from "#shared/control-plane.ts";
import { deriveServiceToken } from "#shared/keys.ts";
import { drainOnSignal, startServices } from "#shared/lifecycle.ts";
import { createLogger, writeJsonLine } from "#shared/log.ts";
import { createAmqpQueue } from "#shared/queue/amqp.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { limitMallocArenas } from "./malloc.ts";

/** More images side by side than this only cost memory. */
const MAX_CONCURRENCY = 8;
/** Peak memory after each 1, 4, ∞ images: 106, 119, 163 MiB; a collection takes 4 ms. */
const IMAGES_PER_COLLECTION = 4;

function readResizerSettings() {
  const settings = readSettings(process.env, [
    "AMQP_URL",
    "CONTROL_URL",
    "LOG_LEVEL",
    "SLUICE_DATA_DIR",
    "SLUICE_SECRET",
    "SLUICE_SERVICE_TOKEN",
  ]);
  const problems: string[] = [];
  if (settings.AMQP_URL === undefined) {
    problems.push("AMQP_URL: expected, a resizer of its own takes its jobs from RabbitMQ");
  }
  if (settings.SLUICE_SERVICE_TOKEN === undefined && settings.SLUICE_SECRET === undefined) {
    problems.push("SLUICE_SERVICE_TOKEN: expected, or SLUICE_SECRET");
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return settings;
}

function everyNth(count: number, action: () => void): () => void {
  let calls = 0;
  return () => {
    calls += 1;
    if (calls % count === 0) action();
  };
}

async function main(): Promise<void> {
  limitMallocArenas();
  const settings = readResizerSettings();
  const log = createLogger({
    level: settings.LOG_LEVEL,
    write: writeJsonLine,
    fields: { service: "resizer" },
  });
  process.on("uncaughtException", (error) => {
    log.error("process.crashed", { error });
    process.exit(1);
  });
  // Loads libvips, after the limit on arenas.
  const { createResizer } = await import("./worker.ts");
  const serviceToken = settings.SLUICE_SERVICE_TOKEN ??
    await deriveServiceToken(settings.SLUICE_SECRET ?? "");
  const queue = createAmqpQueue({ url: settings.AMQP_URL ?? "", log });
  const resizer = createResizer({
    queue,
    storage: createFileStorage({ directory: join(settings.SLUICE_DATA_DIR, "media") }),
    control: createControlPlane({ url: settings.CONTROL_URL, serviceToken }),
    log,
    concurrency: Math.min(availableParallelism(), MAX_CONCURRENCY),
    collectGarbage: everyNth(IMAGES_PER_COLLECTION, () => Bun.gc(true)),
  });
  const queueService = {
    name: "queue",
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
  const stop = await startServices([queueService, resizer], log);
  drainOnSignal(
    {
      onSignal: (listener) => {
        process.on("SIGINT", () => listener("SIGINT"));
        process.on("SIGTERM", () => listener("SIGTERM"));
      },
      exit: (code) => process.exit(code),
    },
    stop,
    log,
  );
  log.info("resizer.ready", { pid: process.pid });
}

main().catch((error: unknown) => {
  const isSettings = error instanceof SettingsError;
  console.error(isSettings ? error.message : error);
  process.exit(isSettings ? 2 : 1);
});
