/**
 * `sluice db migrate|status` on the database that DATABASE_URL names, or the embedded one.
 */
import { resolve } from "node:path";
import { createDatabase, type DatabaseClient } from "#db/client.ts";
import { createEmbeddedPostgres } from "#db/embedded/embedded.ts";
import { migrateToLatest, migrationStatus } from "#db/migrate.ts";
import { readSettings, type SettingName } from "#shared/config.ts";
import { silentLogger } from "#shared/log.ts";
import type { Terminal } from "../terminal.ts";

export const DB_SETTINGS = [
  "SLUICE_DATA_DIR",
  "DATABASE_URL",
] as const satisfies readonly SettingName[];

type Environment = Readonly<Record<string, string | undefined>>;

export type DbCommand = {
  readonly env: Environment;
  readonly terminal: Terminal;
  readonly json: boolean;
};

/** Runs what is pending and says what was run. */
export async function migrateCommand(command: DbCommand): Promise<void> {
  const applied = await withDatabase(command.env, ({ db }) => migrateToLatest(db));
  if (command.json) return command.terminal.print({ applied });
  const words = applied.length === 0 ? "nothing to do" : `applied ${applied.join(", ")}`;
  command.terminal.say(`migrations: ${words}`);
}

/** Lists every migration with when it was applied. */
export async function statusCommand(command: DbCommand): Promise<void> {
  const migrations = await withDatabase(command.env, ({ db }) => migrationStatus(db));
  if (command.json) return command.terminal.print(migrations);
  for (const { name, appliedAt } of migrations) {
    command.terminal.print(`${name}  ${appliedAt?.toISOString() ?? "pending"}`);
  }
}

async function withDatabase<T>(
  env: Environment,
  use: (client: DatabaseClient) => Promise<T>,
): Promise<T> {
  const settings = readSettings(env, DB_SETTINGS);
  const embedded = settings.DATABASE_URL === undefined
    ? createEmbeddedPostgres({ dataDir: resolve(settings.SLUICE_DATA_DIR), log: silentLogger })
    : null;
  await embedded?.start();
  try {
    const url = settings.DATABASE_URL ?? embedded?.url ?? "";
    const client = createDatabase({ url, poolSize: 2, applicationName: "sluice-cli" });
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  } finally {
    await embedded?.stop();
  }
}
