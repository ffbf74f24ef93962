/**
 * The API with what runs beside it: the app, the relay of its outbox, the reaper, retention.
 */
import type { Kysely } from "kysely";
import type { Database } from "#db/schema.ts";
import { deriveServiceToken } from "#shared/keys.ts";
import { type Service, startServices } from "#shared/lifecycle.ts";
import type { Logger } from "#shared/log.ts";
import type { JobSink } from "#shared/queue/route-jobs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { createApp } from "./app.ts";
import { createAttemptLimit } from "./auth/attempt-limit.ts";
import type { Deps, NginxRtmpAccess, PublicUrls } from "./deps.ts";
import { limitHasher, type PasswordHasher } from "./auth/password.ts";
import { createReaper } from "./background/reaper.ts";
import { createRelay } from "./background/relay.ts";
import { readRemoteAddress } from "./http/remote-address.ts";
import { createRetention } from "./background/retention.ts";
import { createStreamKeys } from "./auth/stream-keys.ts";
import { createTokens } from "./auth/tokens.ts";

export type ApiOptions = {
  readonly db: Kysely<Database>;
  readonly storage: Storage;
  /** Jobs go there from the outbox, whoever starts it; null: another process relays them. */
  readonly queue: JobSink | null;
  /** SLUICE_SECRET: every key of ours is derived from it. */
  readonly secret: string;
  /** Derived from the secret when left out. */
  readonly serviceToken?: string | undefined;
  readonly urls: PublicUrls;
  readonly nginxRtmp?: NginxRtmpAccess;
  readonly trustedOrigins?: readonly string[];
  /** What all recordings may take together; no limit when left out. */
  readonly recordingBudgetBytes?: number | undefined;
  /** Without a limit of its own: one computation per core is made sure of here. */
  readonly passwords: PasswordHasher;
  readonly readDocsAsset: Deps["readDocsAsset"];
  readonly log: Logger;
  readonly clock?: () => Date;
};

export type Api = {
  /** `env` is what Bun or Deno passes to a handler beside the request. */
  readonly fetch: (request: Request, env?: unknown) => Response | Promise<Response>;
  /** Relay, reaper and retention. */
  readonly service: Service;
};

const LOGIN_LIMIT = { maxFailures: 10, windowMs: 60_000, maxKeys: 10_000 };

/** The API over `options`; it answers at once, its service starts and stops apart. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { db, storage, queue, log, clock = () => new Date() } = options;
  const relay = queue === null ? null : createRelay({ db, queue, log });
  const app = createApp({
    db,
    storage,
    tokens: await createTokens(options.secret, clock),
    streamKeys: await createStreamKeys(options.secret),
    passwords: limitHasher(options.passwords, navigator.hardwareConcurrency),
    loginAttempts: createAttemptLimit({ ...LOGIN_LIMIT, clock }),
    urls: options.urls,
    serviceToken: options.serviceToken ?? await deriveServiceToken(options.secret),
    nginxRtmp: options.nginxRtmp ?? { secret: null, allow: [] },
    trustedOrigins: options.trustedOrigins ?? [],
    queue,
    onJob: () => relay?.wake(),
    readDocsAsset: options.readDocsAsset,
    remoteAddress: readRemoteAddress,
    clock,
    log,
  });
  const reaper = createReaper({ db, storage, log, clock });
  const totalBudgetBytes = options.recordingBudgetBytes ?? null;
  const retention = createRetention({ db, storage, log, clock, totalBudgetBytes });
  const services = relay === null ? [reaper, retention] : [relay, reaper, retention];
  return {
    fetch: (request, env) => app.fetch(request, env),
    service: groupServices("api", services, log),
  };
}

function groupServices(name: string, services: readonly Service[], log: Logger): Service {
  let stopAll = () => Promise.resolve();
  return {
    name,
    start: async () => {
      stopAll = await startServices(services, log);
    },
    stop: () => stopAll(),
  };
}
