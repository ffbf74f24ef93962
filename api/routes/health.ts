/**
 * Whether the process lives, and whether what it stands on answers.
 */
import { sql } from "kysely";
import { Hono } from "hono";
import * as z from "zod";
import { messageOf } from "#shared/errors.ts";
import { withDeadline } from "#shared/retry.ts";
import type { ApiEnv, Deps } from "../deps.ts";
import { describe } from "../http/openapi.ts";

const CHECK_DEADLINE_MS = 1500;

const partSchema = z.enum(["up", "down", "external"]);
const healthBodySchema = z.object({
  status: z.enum(["ok", "degraded", "down"]),
  parts: z.object({ database: partSchema, storage: partSchema, queue: partSchema }),
}).meta({ id: "Health" });
type HealthBody = z.infer<typeof healthBodySchema>;

/** `/livez`, `/readyz` */
export function healthRoutes(deps: Deps) {
  return new Hono<ApiEnv>()
    .get(
      "/livez",
      describe({
        summary: "Whether the process answers at all",
        tag: "operations",
        access: "public",
        answers: { 200: z.object({ status: z.literal("ok") }) },
      }),
      (c) => c.json({ status: "ok" as const }, 200),
    )
    .get(
      "/readyz",
      describe({
        summary: "Whether requests can be served; `degraded`: yes, but jobs have to wait",
        tag: "operations",
        access: "public",
        answers: { 200: healthBodySchema, 503: healthBodySchema },
      }),
      async (c) => {
        const health = await checkHealth(deps);
        return c.json(health, health.status === "down" ? 503 : 200, {
          "cache-control": "no-store",
        });
      },
    );
}

async function checkHealth(deps: Deps): Promise<HealthBody> {
  const [database, storage] = await Promise.all([
    check(deps, "database", () => sql`select 1`.execute(deps.db)),
    check(deps, "storage", () => deps.storage.head("health/check")),
  ]);
  const queue = checkQueue(deps);
  if (database === "down" || storage === "down") {
    return { status: "down", parts: { database, storage, queue } };
  }
  // Uploads are accepted all the same: their jobs wait in the outbox.
  const status = queue === "down" ? "degraded" : "ok";
  return { status, parts: { database, storage, queue } };
}

/** `external`: the relay runs in another process, which answers for the queue. */
function checkQueue(deps: Deps): "up" | "down" | "external" {
  if (deps.queue === null) return "external";
  return deps.queue.isConnected() ? "up" : "down";
}

async function check(
  deps: Deps,
  part: string,
  probe: () => Promise<unknown>,
): Promise<"up" | "down"> {
  try {
    await withDeadline(part, CHECK_DEADLINE_MS, probe());
    return "up";
  } catch (error) {
    deps.log.warn("health.part_down", { part, reason: messageOf(error) });
    return "down";
  }
}
