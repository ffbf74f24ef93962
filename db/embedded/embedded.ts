/**
 * The database of `sluice dev`: a real Postgres in the data directory, for us alone.
 *
 * `<data dir>/postgres/` holds `cluster/` (the server's own), `password` and, while it runs,
 * `owner.json`. As root the server runs as another user; where that user cannot reach the data
 * directory (below /root, say), `postgres` is a link to a directory of ours in /var/lib/sluice.
 */
import { existsSync } from "node:fs";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join, resolve } from "node:path";
import { randomName } from "#shared/ids.ts";
import type { Service } from "#shared/lifecycle.ts";
import type { Logger } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import { claimDirectory, readCommandLine } from "./directory-claim.ts";
import { prepareEmbeddedBinaries } from "./postgres-binaries.ts";
import {
  type ClusterOptions,
  createCluster,
  PostgresServerError,
  readPidFile,
  type RunningServer,
  startServer,
  SUPERUSER,
} from "./postgres-server.ts";
import { type Identity, isReachable, serverIdentity } from "./process-identity.ts";

export type EmbeddedOptions = {
  readonly dataDir: string;
  readonly log: Logger;
  /** More or other lines of postgresql.conf; tests turn fsync off. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where root's data goes when the server's user cannot reach `dataDir`. */
  readonly spareRoot?: string;
};

export interface EmbeddedPostgres extends Service {
  /** `postgres://…` with its password, on loopback; only after `start`. */
  readonly url: string;
  /** Process id of the server; only after `start`. */
  readonly pid: number;
}

/** The data is there but cannot be used; the message says what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
}

/** Sized for an idle laptop: few connections, no helpers that only serve replicas or big queries. */
const LEAN = {
  shared_buffers: "16MB",
  max_connections: "30",
  work_mem: "2MB",
  maintenance_work_mem: "16MB",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "128MB",
  min_wal_size: "16MB",
  max_worker_processes: "0",
  max_parallel_workers: "0",
  max_logical_replication_workers: "0",
  autovacuum_max_workers: "1",
  autovacuum_worker_slots: "1",
  io_method: "sync",
  huge_pages: "off",
  jit: "off",
};
/** Bytewise order, Unicode letters, and nothing that depends on the machine's locales. */
const INITDB_ARGS = [
  "--locale-provider=builtin",
  "--builtin-locale=C.UTF-8",
  "--locale=C",
  "--wal-segsize=4",
  "--no-instructions",
];
const START_ATTEMPTS = 10;
const PASSING_FAILURE =
  /still in use|could not bind|Address already in use|postmaster\.pid" already exists/;
const RESTART_PAUSE_MS = 300;
const ORPHAN_LADDER = [["SIGINT", 8000], ["SIGQUIT", 3000]] as const;

/** A Postgres that starts, recovers and stops with us; its data stays. */
export function createEmbeddedPostgres(options: EmbeddedOptions): EmbeddedPostgres {
  return new Embedded(options);
}

class Embedded implements EmbeddedPostgres {
  readonly name = "database";
  readonly #options: EmbeddedOptions;
  #running:
    | { server: RunningServer; readonly password: string; readonly release: () => Promise<void> }
    | undefined;
  #isStopping = false;

  constructor(options: EmbeddedOptions) {
    this.#options = options;
  }

  get url(): string {
    const { server, password } = this.#require();
    return `postgres://${SUPERUSER}:${password}@127.0.0.1:${server.port}/postgres`;
  }

  get pid(): number {
    return this.#require().server.pid;
  }

  /** @throws DirectoryInUseError, EmbeddedPostgresError, NoEmbeddedPostgresError, PostgresServerError */
  async start(): Promise<void> {
    this.#isStopping = false;
    const place = await findPlace(this.#options);
    const release = await claimDirectory(place);
    try {
      const cluster = await describeCluster(place);
      const password = await readOrMakePassword(place, cluster);
      if (!existsSync(cluster.clusterDir)) {
        await createCluster({ ...cluster, password, initdbArgs: INITDB_ARGS });
      }
      this.#running = { server: await this.#startServer(cluster), password, release };
      this.#watch(cluster);
    } catch (error) {
      await release();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const running = this.#running;
    this.#running = undefined;
    await running?.server.stop();
    await running?.release();
  }

  #require() {
    if (this.#running === undefined) throw new Error("the embedded database is not started");
    return this.#running;
  }

  async #startServer(cluster: ClusterOptions, port?: number): Promise<RunningServer> {
    const settings = { ...LEAN, ...this.#options.settings };
    for (let attempt = 1;; attempt += 1) {
      await clearPredecessor(cluster.clusterDir);
      try {
        return await startServer({ ...cluster, settings, port });
      } catch (error) {
        // Processes of a killed server let go of its memory a moment later; a port may be snatched;
        // an owner killed while it brought its server back leaves one that says so only now.
        const isPassing = error instanceof PostgresServerError &&
          PASSING_FAILURE.test(error.output);
        if (!isPassing || attempt === START_ATTEMPTS) throw error;
        await sleep(RESTART_PAUSE_MS);
      }
    }
  }

  /** A server that dies by itself comes back on its port, where its clients look for it. */
  #watch(cluster: ClusterOptions): void {
    const { log } = this.#options;
    const running = this.#require();
    void running.server.exited.then(async (code) => {
      if (this.#isStopping) return;
      log.error("database.exited", { code, output: running.server.output() });
      try {
        const server = await this.#startServer(cluster, running.server.port);
        if (this.#isStopping) return await server.stop();
        running.server = server;
        this.#watch(cluster);
        log.info("database.restarted", { pid: server.pid });
      } catch (error) {
        log.error("database.restart_failed", { error });
      }
    });
  }
}

/** The directory that holds everything, made when it is not there. */
async function findPlace(options: EmbeddedOptions): Promise<string> {
  const dataDir = resolve(options.dataDir);
  const place = join(dataDir, "postgres");
  const identity = serverIdentity();
  await mkdir(dataDir, { recursive: true });
  const link = await lstat(place).catch(() => null);
  if (link === null) await makePlace(place, identity, options.spareRoot ?? "/var/lib/sluice");
  else if (!existsSync(place)) {
    throw new EmbeddedPostgresError(
      `${place} links to a directory that is gone: bring it back, or remove the link to start empty`,
    );
  }
  const real = await realpath(place);
  if (await isReachable(identity, real)) return real;
  throw new EmbeddedPostgresError(
    `the database's user (uid ${identity?.uid ?? "?"}) cannot reach ${real}: ` +
      "set SLUICE_DATA_DIR to another directory, or DATABASE_URL",
  );
}

async function makePlace(place: string, identity: Identity | null, spareRoot: string) {
  if (await isReachable(identity, resolve(place, ".."))) return await mkdir(place, { mode: 0o755 });
  await mkdir(spareRoot, { recursive: true, mode: 0o755 });
  const spare = await mkdtemp(join(spareRoot, "data-"));
  await chmod(spare, 0o755);
  await symlink(spare, place);
}

async function describeCluster(place: string): Promise<ClusterOptions> {
  const clusterDir = join(place, "cluster");
  const identity = await clusterIdentity(clusterDir);
  return { clusterDir, identity, binDir: await prepareEmbeddedBinaries(identity, place) };
}

/** As root: the owner of what is there, else nobody. As anyone else: oneself, or not at all. */
async function clusterIdentity(clusterDir: string): Promise<Identity | null> {
  const identity = serverIdentity();
  const owner = await stat(clusterDir).catch(() => null);
  if (owner === null || owner.uid === process.getuid?.()) return identity;
  if (identity !== null) return { uid: owner.uid, gid: owner.gid };
  throw new EmbeddedPostgresError(
    `${clusterDir} belongs to uid ${owner.uid}: start as root or as that user, ` +
      "or set SLUICE_DATA_DIR to another directory",
  );
}

async function readOrMakePassword(place: string, { clusterDir }: ClusterOptions): Promise<string> {
  const file = join(place, "password");
  if (existsSync(file)) return (await readFile(file, "utf8")).trim();
  if (existsSync(clusterDir)) {
    throw new EmbeddedPostgresError(`${file} is missing: bring it back, or remove ${place}`);
  }
  const password = randomName(32);
  await writeFile(file, password, { mode: 0o600 });
  return password;
}

/** We own the directory, so whoever is named in `postmaster.pid` has no owner any more. */
async function clearPredecessor(clusterDir: string): Promise<void> {
  const predecessor = await readPidFile(clusterDir);
  if (predecessor === null) return;
  const { pid } = predecessor;
  const isServer = async () => (await readCommandLine(pid)).includes(clusterDir);
  if (!(await isServer())) {
    // Also when the number belongs to some other process by now, which Postgres would respect.
    await rm(join(clusterDir, "postmaster.pid"), { force: true });
    return;
  }
  for (const [signal, deadlineMs] of ORPHAN_LADDER) {
    process.kill(pid, signal);
    const deadline = performance.now() + deadlineMs;
    while (performance.now() < deadline) {
      if (!(await isServer())) return;
      await sleep(20);
    }
  }
  throw new EmbeddedPostgresError(`the database of a former run (process ${pid}) does not stop`);
}
