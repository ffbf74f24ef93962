#!/usr/bin/env bun
/**
 * The API as a process, on Bun or Deno: `bun api/main.ts` or `deno run -A api/main.ts`.
 *
 * Migrates the database first, under a lock, unless `--no-migrate` is given. Prints one JSON line
 * with its URL on stdout when it listens. Exit codes: 2 for bad settings, 1 for a failed start.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createDatabase, type DatabaseClient } from "#db/client.ts";
import { createEmbeddedPostgres } from "#db/embedded/embedded.ts";
import { DatabaseUnavailableError } from "#db/errors.ts";
import { migrateToLatest } from "#db/migrate.ts";
import { SettingsError } from "#shared/config.ts";
import { messageOf } from "#shared/errors.ts";
import { drainOnSignal, type Service, startServices } from "#shared/lifecycle.ts";
import { createLogger, type Logger, writeJsonLine } from "#shared/log.ts";
import { routeJobs } from "#shared/queue/route-jobs.ts";
import { createWorkerQueue } from "#shared/queue/worker-queue.ts";
import { retry, withDeadline } from "#shared/retry.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { ASSETS_DIRECTORY, readAssets } from "#web/assets.ts";
import { createApi } from "./api.ts";
import type { PublicUrls } from "./deps.ts";
import { readDocsAsset } from "./http/docs-assets.ts";
import { nativeHasher } from "./auth/password-native.ts";
import { type ApiSettings, publicUrls, readApiSettings, readFlags } from "./settings.ts";

/** Above the largest image, for what multipart adds; the routes count precisely while they read. */
const MAX_BODY_BYTES = 12 * 2 ** 20;
const CLOSE_DEADLINE_MS = 5000;
/** A database that starts together with us may take this long. */
const DATABASE_DELAYS_MS = [250, 500, 1000, 2000, 4000, 8000, 8000];
const EXIT_FAILED = 1;
const EXIT_SETTINGS = 2;

type Handler = (request: Request, env: unknown) => Response | Promise<Response>;
type Listening = { readonly port: number; readonly close: () => Promise<void> };

async function main(): Promise<void> {
  const settings = readApiSettings(process.env);
  const isMigrating = readFlags(process.argv.slice(2));
  const log = createLogger({ level: settings.LOG_LEVEL, write: writeJsonLine });
  exitOnBug(log);
  const embedded = settings.DATABASE_URL === undefined
    ? createEmbeddedPostgres({ dataDir: settings.SLUICE_DATA_DIR, log })
    : null;
  const stopEmbedded = await startServices(embedded === null ? [] : [embedded], log);
  const database = createDatabase({
    url: settings.DATABASE_URL ?? embedded?.url ?? "",
    applicationName: "sluice-api",
  });
  const stopBase = () => database.close().then(stopEmbedded);
  try {
    if (isMigrating) await migrate(database.db, log);
    const stopApi = await startApi(settings, database, log);
    drainOnSignal(
      { onSignal, exit: (code) => process.exit(code) },
      () => stopApi().then(stopBase),
      log,
    );
  } catch (error) {
    await stopBase();
    throw error;
  }
}

/** Listens, so that the port is known, then answers; the function that stops it. */
async function startApi(
  settings: ApiSettings,
  database: DatabaseClient,
  log: Logger,
): Promise<() => Promise<void>> {
  const queues = createQueues(settings.AMQP_URL, log);
  if (queues === null) log.warn("queue.external", { hint: "set AMQP_URL to relay jobs here" });
  let handler: Handler = () => new Response(null, { status: 503, headers: { "retry-after": "1" } });
  const listening = listen(settings, (request, env) => handler(request, env));
  const urls = publicUrls(settings, listening.port);
  const api = await createApi({
    db: database.db,
    storage: createFileStorage({ directory: join(settings.SLUICE_DATA_DIR, "media") }),
    queue: queues?.sink ?? null,
    secret: settings.SLUICE_SECRET,
    serviceToken: settings.SLUICE_SERVICE_TOKEN,
    urls,
    nginxRtmp: {
      secret: settings.NGINX_RTMP_SECRET ?? null,
      allow: settings.NGINX_RTMP_ALLOW,
    },
    trustedOrigins: settings.TRUSTED_ORIGINS,
    recordingBudgetBytes: settings.RECORDING_BUDGET_BYTES,
    passwords: nativeHasher,
    readDocsAsset,
    log,
  });
  const stop = await startServices([
    ...(queues?.services ?? []),
    api.service,
    { name: "http", start: () => Promise.resolve(), stop: listening.close },
  ], log);
  handler = await addPages(api.fetch, urls, log);
  log.info("api.listening", { port: listening.port, url: urls.api });
  console.log(JSON.stringify({ api: urls.api, port: listening.port }));
  return stop;
}

/** A queue for each kind of worker, and the way in for all jobs. */
function createQueues(url: string | undefined, log: Logger) {
  if (url === undefined) return null;
  const resizer = createWorkerQueue({ worker: "resizer", url, log });
  const media = createWorkerQueue({ worker: "media", url, log });
  const services = [resizer, media].map((queue): Service => ({
    name: "queue",
    start: () => queue.start(),
    stop: () => queue.stop(),
  }));
  return { sink: routeJobs({ resizer, media }), services };
}

/** A database that starts together with us may take a while. */
async function migrate(db: DatabaseClient["db"], log: Logger): Promise<void> {
  const migrations = await retry(() => migrateToLatest(db), {
    delaysMs: DATABASE_DELAYS_MS,
    isRetryable: (error) => {
      if (!(error instanceof DatabaseUnavailableError)) return false;
      log.warn("database.awaited", { reason: error.message });
      return true;
    },
  });
  if (migrations.length > 0) log.info("database.migrated", { migrations });
}

/** Pages in front of the API, where they have been built. */
async function addPages(fetch: Handler, urls: PublicUrls, log: Logger): Promise<Handler> {
  if (!existsSync(ASSETS_DIRECTORY)) {
    log.info("pages.absent", { expected: ASSETS_DIRECTORY });
    return fetch;
  }
  const { createSite } = await import("#web/site.tsx");
  const assets = await readAssets(ASSETS_DIRECTORY);
  return createSite({ api: fetch, publicUrl: urls.api, hlsUrl: urls.hls, assets });
}

/** Bun and Deno, as far as they are needed here. */
type Runtimes = {
  readonly Bun?: {
    serve(options: {
      hostname: string;
      port: number;
      maxRequestBodySize: number;
      idleTimeout: number;
      fetch: Handler;
    }): { readonly port: number; stop(closeActive: boolean): Promise<void> };
  };
  readonly Deno?: {
    serve(
      options: { hostname: string; port: number; onListen: () => void },
      handler: Handler,
    ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
  };
};

/** @throws StartError when the port is taken */
function listen(settings: ApiSettings, handler: Handler): Listening {
  const { HOST: hostname, API_PORT: port } = settings;
  const { Bun: bun, Deno: deno } = globalThis as Runtimes;
  try {
    if (bun !== undefined) {
      const server = bun.serve({
        hostname,
        port,
        maxRequestBodySize: MAX_BODY_BYTES,
        idleTimeout: 60,
        fetch: handler,
      });
      return {
        port: server.port,
        close: () => closeInTime(server.stop(false), () => server.stop(true)),
      };
    }
    if (deno !== undefined) {
      const server = deno.serve({ hostname, port, onListen: () => {} }, handler);
      return {
        port: server.addr.port,
        close: () => closeInTime(server.shutdown(), () => undefined),
      };
    }
  } catch (error) {
    throw new StartError(
      `cannot listen on ${hostname}:${port} (${messageOf(error)}): set API_PORT`,
    );
  }
  throw new StartError("this entry runs on Bun or Deno");
}

/** Waits for requests under way, then closes what is left. */
async function closeInTime(closed: Promise<void>, force: () => unknown): Promise<void> {
  try {
    await withDeadline("requests under way", CLOSE_DEADLINE_MS, closed);
  } catch {
    await force();
  }
}

/** The start failed for a reason that a sentence explains. */
class StartError extends Error {
  override readonly name = "StartError";
}

/** A bug ends the process: its supervisor starts a clean one. */
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

try {
  await main();
} catch (error) {
  console.error(messageOf(error));
  process.exit(error instanceof SettingsError ? EXIT_SETTINGS : EXIT_FAILED);
}
