/**
 * Before all tests: one Postgres for the run. After them: it is gone, or clean again.
 */
import { randomName } from "#shared/ids.ts";
import { dropTestDatabases, POSTGRES_URL_VARIABLE, RUN_VARIABLE } from "./helpers/database.ts";
import { startTestPostgres } from "./helpers/postgres.ts";

/** Called by vitest; the workers inherit the environment. */
export async function setup(): Promise<() => Promise<void>> {
  const run = randomName(8);
  const server = await startTestPostgres();
  process.env[POSTGRES_URL_VARIABLE] = server.url;
  process.env[RUN_VARIABLE] = run;
  return async () => {
    if (server.source === "environment") await dropTestDatabases(server.url, run);
    await server.stop();
  };
}
