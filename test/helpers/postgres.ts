/**
 * A private Postgres for one test run: a server named by the environment, else the newest one
 * installed on this machine (15 or later), else the embedded one. The last two are thrown away.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomName } from "#shared/ids.ts";
import { prepareEmbeddedBinaries } from "#db/embedded/postgres-binaries.ts";
import { createCluster, startServer, SUPERUSER } from "#db/embedded/postgres-server.ts";
import { giveTo, serverIdentity } from "#db/embedded/process-identity.ts";

export type TestPostgres = {
  /** A user that may create databases, on the database `postgres` or the one that was named. */
  readonly url: string;
  /** Where it came from, for the talk on stderr. */
  readonly source: "environment" | "installed" | "embedded";
  /** Null for one that is not ours. */
  readonly pid: number | null;
  stop(): Promise<void>;
};

export type PostgresChoice = "any" | "installed" | "embedded";

/** Nothing here outlives the run, so nothing has to reach the disk. */
const THROWAWAY = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  shared_buffers: "32MB",
  max_connections: "120",
  autovacuum: "off",
};

/** Starts one, or uses the one that `TEST_DATABASE_URL` or `DATABASE_URL` names. */
export async function startTestPostgres(choice: PostgresChoice = "any"): Promise<TestPostgres> {
  const url = process.env["TEST_DATABASE_URL"] ?? process.env["DATABASE_URL"];
  if (choice === "any" && url !== undefined && url !== "") {
    return { url, source: "environment", pid: null, stop: () => Promise.resolve() };
  }
  const installed = choice === "embedded" ? null : await findInstalledPostgres();
  if (installed === null && choice === "installed") {
    throw new Error("no PostgreSQL 15 or later is installed: apt-get install postgresql");
  }
  return await startThrowaway(installed);
}

async function startThrowaway(installedBinDir: string | null): Promise<TestPostgres> {
  const identity = serverIdentity();
  const directory = await mkdtemp(join(tmpdir(), "sluice-test-postgres-"));
  await giveTo(identity, directory);
  const password = randomName(24);
  const binDir = installedBinDir ?? await prepareEmbeddedBinaries(identity, directory);
  const cluster = { binDir, clusterDir: join(directory, "cluster"), identity };
  const initdbArgs = ["--no-sync", "--locale=C", "--no-instructions"];
  await createCluster({ ...cluster, password, initdbArgs });
  const server = await startServer({ ...cluster, settings: THROWAWAY });
  return {
    url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${server.port}/postgres`,
    source: installedBinDir === null ? "embedded" : "installed",
    pid: server.pid,
    stop: async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The programs of the newest installed server, at least 15; null when there is none. */
export async function findInstalledPostgres(): Promise<string | null> {
  const root = "/usr/lib/postgresql"; // Debian and Ubuntu: one directory per major version
  const versions = existsSync(root) ? await readdir(root) : [];
  const [newest] = versions
    .map(Number)
    .filter((version) => version >= 15 && existsSync(join(root, String(version), "bin/postgres")))
    .sort((a, b) => b - a);
  return newest === undefined ? null : join(root, String(newest), "bin");
}
