/**
 * All services of Sluice in one process: the code of production with the adapters of a laptop.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createApi } from "#api/api.ts";
import { readDocsAsset } from "#api/http/docs-assets.ts";
import { nativeHasher } from "#api/auth/password-native.ts";
import { createMediaNode } from "#media-node/node.ts";
import { createMediaWorker } from "#media-node/downloads/worker.ts";
import { createDatabase, type DatabaseClient } from "#db/client.ts";
import { createEmbeddedPostgres } from "#db/embedded/embedded.ts";
import { migrateToLatest } from "#db/migrate.ts";
import type { Worker } from "#shared/contracts/jobs.ts";
import { createControlPlane } from "#shared/control-plane.ts";
import { deriveServiceToken } from "#shared/keys.ts";
import type { Service } from "#shared/lifecycle.ts";
import type { Logger } from "#shared/log.ts";
import type { JobQueue } from "#shared/queue/port.ts";
import { routeJobs } from "#shared/queue/route-jobs.ts";
import { createWorkerQueue } from "#shared/queue/worker-queue.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import type { Assets } from "#web/assets.ts";
import { createSite } from "#web/site.tsx";
import { CommandError } from "../exit-codes.ts";
import { readOrMakeSecret } from "./data-files.ts";
import { createHttpServer } from "./http-server.ts";
import type { DevOptions } from "./options.ts";
import { buildPages } from "./pages.ts";
import { type Addresses, loopbackOf, type Ports } from "./urls.ts";

/** A download that is cut off begins again at the next start. */
const MEDIA_DRAIN_MS = 2000;

/** Connections of the one process there is: each costs the embedded server memory. */
const POOL_SIZE = 6;

export type Composition = {
  /** In the order in which they start. */
  readonly services: readonly Service[];
  /** Process ids by name; only after the start. */
  readonly pids: () => Readonly<Record<string, number>>;
  /** What each part is, in words. */
  readonly words: { readonly database: string; readonly queue: string; readonly storage: string };
};

export type ComposeOptions = {
  readonly options: DevOptions;
  readonly ports: Ports;
  readonly addresses: Addresses;
  readonly log: Logger;
};

type Parts = ComposeOptions & {
  readonly secret: string;
  readonly serviceToken: string;
  readonly storage: Storage;
  readonly queues: Readonly<Record<Worker, JobQueue>>;
};

/** Builds nothing that runs yet: the services do their work in `start`. */
export async function composeDev(compose: ComposeOptions): Promise<Composition> {
  const { options, log } = compose;
  const { settings, dataDirectory } = options;
  const secret = settings.SLUICE_SECRET ?? await readOrMakeSecret(dataDirectory);
  const parts: Parts = {
    ...compose,
    secret,
    serviceToken: settings.SLUICE_SERVICE_TOKEN ?? await deriveServiceToken(secret),
    storage: createFileStorage({ directory: join(dataDirectory, "media") }),
    queues: createQueues(settings.AMQP_URL, log),
  };
  // Side by side with the database's start; a failure is met where the pages are served.
  const assets = buildPages();
  assets.catch(() => {});
  const database = createDatabaseService(settings.DATABASE_URL, dataDirectory, log);
  return {
    services: [
      database.service,
      ...Object.values(parts.queues).map(startOf),
      lazyService("api", () => buildApi(parts, database.client(), assets)),
      ...Object.values(parts.queues).map(drainOf),
      lazyService("resizer", () => buildResizer(parts)),
      ...buildMediaWorker(parts),
      createMediaNode({
        host: settings.HOST,
        rtmpPort: compose.ports.rtmp,
        hlsPort: compose.ports.hls,
        dataDir: join(dataDirectory, "node"),
        ladder: settings.LADDER,
        ffmpegPath: settings.FFMPEG_PATH,
        encoder: settings.ENCODER,
        dvrWindowS: settings.DVR_WINDOW_S,
        control: controlPlaneOf(parts),
        storage: parts.storage,
        log,
      }),
    ],
    pids: database.pids,
    words: {
      database: settings.DATABASE_URL === undefined ? "embedded" : "by DATABASE_URL",
      queue: settings.AMQP_URL === undefined
        ? "in-process (set AMQP_URL for RabbitMQ)"
        : "RabbitMQ by AMQP_URL",
      storage: join(dataDirectory, "media"),
    },
  };
}

/** The API needs its queues from the start. */
function startOf(queue: JobQueue): Service {
  return { name: "queue", start: () => queue.start(), stop: () => queue.stop() };
}

/** Jobs in hand report to the API: they finish while it is there. */
function drainOf(queue: JobQueue): Service {
  return { name: "jobs", start: () => Promise.resolve(), stop: () => queue.stop() };
}

function createQueues(url: string | undefined, log: Logger): Parts["queues"] {
  const drainDeadlineMs = MEDIA_DRAIN_MS;
  return {
    resizer: createWorkerQueue({ worker: "resizer", url, log }),
    media: createWorkerQueue({ worker: "media", url, log, drainDeadlineMs }),
  };
}

function buildMediaWorker(parts: Parts): readonly Service[] {
  const { queues, storage, log } = parts;
  return [createMediaWorker({ queue: queues.media, storage, control: controlPlaneOf(parts), log })];
}

/** The server (when it is ours), a client, and the schema at its latest. */
function createDatabaseService(url: string | undefined, dataDirectory: string, log: Logger) {
  const embedded = url === undefined
    ? createEmbeddedPostgres({ dataDir: dataDirectory, log })
    : null;
  let client: DatabaseClient | null = null;
  const service: Service = {
    name: "database",
    start: async () => {
      await embedded?.start();
      client = createDatabase({
        url: url ?? embedded?.url ?? "",
        applicationName: "sluice-dev",
        poolSize: POOL_SIZE,
      });
      try {
        await migrateToLatest(client.db);
      } catch (error) {
        await service.stop();
        throw error;
      }
    },
    stop: async () => {
      await client?.close();
      await embedded?.stop();
    },
  };
  return {
    service,
    client: () => {
      if (client === null) throw new CommandError("failed", "the database is not started");
      return client;
    },
    pids: (): Record<string, number> => (embedded === null ? {} : { postgres: embedded.pid }),
  };
}

/** A service that is built when it starts, because it needs what earlier ones found out. */
function lazyService(name: string, build: () => Promise<readonly Service[]>): Service {
  const running: Service[] = [];
  const stop = async () => {
    for (const service of running.splice(0).reverse()) await service.stop();
  };
  return {
    name,
    start: async () => {
      try {
        for (const service of await build()) {
          await service.start();
          running.push(service);
        }
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
  };
}

async function buildApi(
  parts: Parts,
  client: DatabaseClient,
  pages: Promise<Assets>,
): Promise<readonly Service[]> {
  const { options: { settings }, addresses, ports } = parts;
  const [assets, api] = await Promise.all([
    pages,
    createApi({
      db: client.db,
      storage: parts.storage,
      queue: routeJobs(parts.queues),
      secret: parts.secret,
      serviceToken: parts.serviceToken,
      urls: addresses,
      nginxRtmp: { secret: settings.NGINX_RTMP_SECRET ?? null, allow: settings.NGINX_RTMP_ALLOW },
      trustedOrigins: settings.TRUSTED_ORIGINS,
      recordingBudgetBytes: settings.RECORDING_BUDGET_BYTES,
      passwords: nativeHasher,
      readDocsAsset,
      log: parts.log,
    }),
  ]);
  const site = createSite({
    api: api.fetch,
    publicUrl: addresses.api,
    hlsUrl: addresses.hls,
    assets,
  });
  const http = createHttpServer({
    name: "http",
    host: settings.HOST,
    port: ports.api,
    fetch: site,
  });
  return [api.service, http];
}

async function buildResizer(parts: Parts): Promise<readonly Service[]> {
  const { createResizer } = await import("#resizer/worker.ts");
  const { queues, storage, log } = parts;
  return [createResizer({
    queue: queues.resizer,
    storage,
    control: controlPlaneOf(parts),
    log,
    concurrency: Math.max(1, Math.floor(availableParallelism() / 2)),
  })];
}

function controlPlaneOf({ options, ports, serviceToken }: Parts) {
  const url = `http://${loopbackOf(options.settings.HOST)}:${ports.api}`;
  return createControlPlane({ url, serviceToken });
}
