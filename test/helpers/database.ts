/**
 * A database of its own for a test file, cloned in milliseconds from a migrated template.
 */
import postgres from "postgres";
import { createDatabase, type DatabaseClient, type DatabaseOptions } from "#db/client.ts";
import { migrateToLatest } from "#db/migrate.ts";
import { randomName } from "#shared/ids.ts";
import { startTestPostgres, type TestPostgres } from "./postgres.ts";

export type TestDatabase = DatabaseClient & {
  /** Its connection URL, for what opens connections of its own. */
  readonly url: string;
  /** Closes the client and drops the database. */
  close(): Promise<void>;
};

/** Set by the global setup: a server for everyone, and a name for what this run makes there. */
export const POSTGRES_URL_VARIABLE = "SLUICE_TEST_POSTGRES_URL";
export const RUN_VARIABLE = "SLUICE_TEST_RUN";

const TEMPLATE_LOCK = 0x73_6c_74_65_73_74;
let lazyPostgres: Promise<TestPostgres> | undefined;
const lazyRun = randomName(8);

/** A new, migrated and empty database with a client on it. */
export async function createTestDatabase(
  options: Omit<DatabaseOptions, "url"> = {},
): Promise<TestDatabase> {
  const serverUrl = process.env[POSTGRES_URL_VARIABLE] ?? (await startLazily()).url;
  const prefix = databasePrefix(process.env[RUN_VARIABLE] ?? lazyRun);
  const name = `${prefix}${randomName(10)}`;
  await withAdmin(serverUrl, async (admin) => {
    // Taken also for cloning: a template must have no other user meanwhile.
    await admin`select pg_advisory_lock(${TEMPLATE_LOCK})`;
    await ensureTemplate(admin, serverUrl, `${prefix}template`);
    await admin.unsafe(`create database ${name} template ${prefix}template`);
  });
  const url = withDatabase(serverUrl, name);
  const client = createDatabase({ poolSize: 4, applicationName: "sluice-test", ...options, url });
  return {
    ...client,
    url,
    close: async () => {
      await client.close();
      await withAdmin(
        serverUrl,
        (admin) => admin.unsafe(`drop database if exists ${name} with (force)`),
      );
    },
  };
}

/** Drops whatever a run left on a server that outlives it. */
export async function dropTestDatabases(serverUrl: string, run: string): Promise<void> {
  await withAdmin(serverUrl, async (admin) => {
    const rows = await admin<{ datname: string }[]>`
      select datname from pg_database where starts_with(datname, ${databasePrefix(run)})`;
    for (const { datname } of rows) {
      await admin.unsafe(`drop database if exists ${datname} with (force)`);
    }
  });
}

function databasePrefix(run: string): string {
  return `sluice_test_${run}_`;
}

async function ensureTemplate(admin: postgres.Sql, serverUrl: string, name: string): Promise<void> {
  const rows = await admin`select 1 from pg_database where datname = ${name}`;
  if (rows.length > 0) return;
  const draft = `${name}_draft`;
  await admin.unsafe(`drop database if exists ${draft} with (force)`);
  await admin.unsafe(`create database ${draft} template template0`);
  const client = createDatabase({ url: withDatabase(serverUrl, draft), poolSize: 2 });
  try {
    await migrateToLatest(client.db);
  } finally {
    await client.close();
  }
  await admin.unsafe(`alter database ${draft} rename to ${name}`);
}

async function withAdmin(url: string, work: (admin: postgres.Sql) => Promise<unknown>) {
  const admin = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} });
  try {
    await work(admin);
  } finally {
    await admin.end({ timeout: 2 });
  }
}

function withDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Without the global setup (another runner, a single file) the first caller starts a server. */
function startLazily(): Promise<TestPostgres> {
  lazyPostgres ??= startTestPostgres().then((started) => {
    process.once("exit", () => {
      if (started.pid !== null) process.kill(started.pid, "SIGINT");
    });
    return started;
  });
  return lazyPostgres;
}
