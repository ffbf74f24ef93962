/**
 * Migrations: an in-code record, run in name order in one transaction under an advisory lock, so
 * that any number of processes may start at once. What `sluice db migrate|status` calls.
 */
import { type Kysely, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import type { Database } from "./schema.ts";
import * as firstTables from "./migrations/0001-first-tables.ts";
import * as recordings from "./migrations/0002-recordings.ts";
import * as relays from "./migrations/0003-relays.ts";
import * as refusedSources from "./migrations/0004-refused-sources.ts";
import * as posters from "./migrations/0005-posters.ts";

/** Every migration by its name; a released one never changes. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001-first-tables": firstTables,
  "0002-recordings": recordings,
  "0003-relays": relays,
  "0004-refused-sources": refusedSources,
  "0005-posters": posters,
};

/** "Sluice" in ASCII: the advisory lock of everything that changes the schema. */
const SCHEMA_LOCK = 0x53_6c_75_69_63_65;

export type MigrationState = {
  readonly name: string;
  /** When it was run here, or null while it is pending. */
  readonly appliedAt: Date | null;
};

/** A migration failed; nothing of the run was kept. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
  /** The migration that failed; null when the recorded ones do not fit ours. */
  readonly migration: string | null;
  constructor(migration: string | null, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`${migration === null ? "migrations" : `migration ${migration}`}: ${reason}`, { cause });
    this.migration = migration;
  }
}

/**
 * Runs what is pending and returns the names of it, oldest first; all of it or nothing.
 * Waits up to ten minutes for another process that is doing the same.
 * @throws MigrationError
 * @throws DatabaseUnavailableError
 */
export async function migrateToLatest(db: Kysely<Database>): Promise<readonly string[]> {
  return await db.transaction().execute(async (transaction) => {
    // The driver takes a transaction's own statement_timeout as its deadline too.
    await sql`set local statement_timeout = 600000`.execute(transaction);
    await sql`select pg_advisory_xact_lock(${sql.lit(SCHEMA_LOCK)})`.execute(transaction);
    const { error, results = [] } = await createMigrator(transaction).migrateToLatest();
    if (error !== undefined) {
      const failed = results.find((result) => result.status === "Error");
      throw new MigrationError(failed?.migrationName ?? null, error);
    }
    return results.map((result) => result.migrationName);
  });
}

/**
 * Every migration we know with when it was applied, in order.
 * @throws DatabaseUnavailableError
 */
export async function migrationStatus(db: Kysely<Database>): Promise<readonly MigrationState[]> {
  const migrations = await createMigrator(db).getMigrations();
  return migrations.map(({ name, executedAt }) => ({ name, appliedAt: executedAt ?? null }));
}

function createMigrator(db: Kysely<Database>): Migrator {
  return new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve({ ...MIGRATIONS }) },
    migrationTableName: "sluice_migrations",
    migrationLockTableName: "sluice_migrations_lock",
  });
}
