/**
 * The test runner. `test/run.ts` runs it on Bun and again, for the portable rooms, on Deno.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const GLOBAL_SETUP = fileURLToPath(new URL("./test/global-setup.ts", import.meta.url));

export default defineConfig({
  test: {
    include: ["{api,cli,db,media-node,resizer,shared,test,web}/**/*.test.{ts,tsx}"],
    globalSetup: existsSync(GLOBAL_SETUP) ? [GLOBAL_SETUP] : [],
    pool: "threads", // forks fail under Bun
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
