import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { silentLogger } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import { until } from "#test/helpers/until.ts";
import { createDatabase, type DatabaseClient } from "../client.ts";
import { createEmbeddedPostgres, type EmbeddedPostgres } from "./embedded.ts";
import { DatabaseUnavailableError } from "../errors.ts";
import { migrateToLatest } from "../migrate.ts";

const OWNER = fileURLToPath(new URL("../fixtures/embedded-owner.ts", import.meta.url));
const IS_ROOT = process.getuid?.() === 0;

let directory: string;
let dataDir: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-embedded-"));
  await chmod(directory, 0o755);
  dataDir = join(directory, "data");
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function embedded(at = dataDir): EmbeddedPostgres {
  return createEmbeddedPostgres({
    dataDir: at,
    log: silentLogger,
    spareRoot: join(directory, "spare"),
  });
}

/** Runs `work` on a started database and stops it again. */
async function whileRunning(
  work: (client: DatabaseClient, server: EmbeddedPostgres) => Promise<void>,
  server = embedded(),
): Promise<void> {
  await server.start();
  const client = createDatabase({ url: server.url, poolSize: 4 });
  try {
    await work(client, server);
  } finally {
    await client.close();
    await server.stop();
  }
}

async function addJob({ db }: DatabaseClient, id: string): Promise<void> {
  const job = {
    kind: "image" as const,
    imageId: id,
    version: 1,
    purpose: "thumbnail" as const,
    sourceKey: "a",
    targetPrefix: "b",
  };
  await db.insertInto("outbox").values({ id, job, claimed_until: null }).execute();
}

async function countJobs({ db }: DatabaseClient): Promise<number> {
  return (await db.selectFrom("outbox").select("id").execute()).length;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function startOwner(): Promise<{ owner: ChildProcess; url: string; pid: number }> {
  const runtimeArgs = "Deno" in globalThis ? ["run", "-A"] : [];
  const owner = spawn(process.execPath, [...runtimeArgs, OWNER, dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (owner.stdout === null) throw new Error("no stdout");
  const [line]: unknown[] = await once(owner.stdout, "data");
  const facts = z.object({ url: z.string(), pid: z.number() }).parse(JSON.parse(String(line)));
  return { owner, ...facts };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

describe("createEmbeddedPostgres()", () => {
  test("the first start makes a cluster for us alone, on loopback, with fsync on", async () => {
    await whileRunning(async (client, server) => {
      await migrateToLatest(client.db);
      await addJob(client, "00000000-0000-7000-8000-000000000001");
      const { rows } = await sql<{ name: string; setting: string }>`
        select name, setting from pg_settings
        where name in ('fsync', 'synchronous_commit', 'listen_addresses', 'unix_socket_directories')
        order by name`.execute(client.db);
      expect(rows.map(({ name, setting }) => `${name}=${setting}`)).toEqual([
        "fsync=on",
        "listen_addresses=127.0.0.1",
        "synchronous_commit=on",
        "unix_socket_directories=",
      ]);
      const stranger = new URL(server.url);
      stranger.password = "guess";
      const client2 = createDatabase({ url: stranger.href });
      await expect(client2.ping()).rejects.toThrow(/password authentication failed/);
      await client2.close();
    });
    const password = await stat(join(dataDir, "postgres/password"));
    expect(password.mode & 0o777).toBe(0o600);
  });

  test("a restart finds everything, and stop() leaves no process and no claim", async () => {
    let pid = 0;
    await whileRunning(async (client, server) => {
      pid = server.pid;
      expect(await countJobs(client)).toBe(1);
    });
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(dataDir, "postgres/owner.json"))).toBe(false);
    expect(existsSync(join(dataDir, "postgres/cluster/postmaster.pid"))).toBe(false);
  });

  test("a second one on the same directory is refused, the first goes on", async () => {
    await whileRunning(async (client) => {
      await expect(embedded().start()).rejects.toThrow(
        new RegExp(`postgres is in use by process ${process.pid}$`),
      );
      await client.ping();
    });
  });

  test("a killed server comes back on its port with what was committed", async () => {
    await whileRunning(async (client, server) => {
      await addJob(client, "00000000-0000-7000-8000-000000000002");
      const { url, pid } = server;
      process.kill(pid, "SIGKILL");
      await until(() => !isAlive(pid), 5000);
      const count = await until(
        () =>
          countJobs(client).catch((error: unknown) => {
            if (error instanceof DatabaseUnavailableError) return 0;
            throw error;
          }),
        10_000,
      );
      expect([count, server.url]).toEqual([2, url]);
    });
  });

  test("the server dies with its owner, and the next start recovers", async () => {
    const { owner, url, pid } = await startOwner();
    const client = createDatabase({ url, poolSize: 2 });
    await addJob(client, "00000000-0000-7000-8000-000000000003");
    await expect(embedded().start()).rejects.toThrow(`in use by process ${String(owner.pid)}`);
    await kill(owner);
    // Where nobody can ask for it (no setpriv), the next start ends the orphan instead.
    if (process.platform === "linux") await until(() => !isAlive(pid), 10_000);
    await client.close();
    await whileRunning(async (recovered) => {
      expect(await countJobs(recovered)).toBe(3);
    });
  });

  // The owner brings its server back at once: another one may be on its way when the owner dies.
  test.each([0, 20, 40, 80])(
    "owner killed %d ms after its server: the next start recovers",
    async (ms) => {
      const { owner, pid } = await startOwner();
      process.kill(pid, "SIGKILL");
      await sleep(ms);
      await kill(owner);
      await whileRunning(async (recovered) => {
        expect(await countJobs(recovered)).toBe(3);
      });
    },
  );

  test("a stale postmaster.pid naming a stranger does not stop it, nor the stranger", async () => {
    const pidFile = join(dataDir, "postgres/cluster/postmaster.pid");
    await writeFile(pidFile, `${process.pid}\n${dataDir}/postgres/cluster\n1\n1\n\n\n\nready\n`);
    await whileRunning(async (client) => {
      expect(await countJobs(client)).toBe(3);
    });
  });

  test.runIf(IS_ROOT)("as root it runs as the unprivileged owner of its files", async () => {
    const cluster = await stat(join(dataDir, "postgres/cluster"));
    await whileRunning(async (_, server) => {
      const status = await readFile(`/proc/${server.pid}/status`, "utf8");
      expect(status).toMatch(new RegExp(`^Uid:\\s+${cluster.uid}\\s+${cluster.uid}`, "m"));
      expect(cluster.uid).not.toBe(0);
    });
  });

  test.runIf(IS_ROOT)(
    "as root, below a closed directory, it lives in the spare place",
    async () => {
      const closed = join(directory, "closed");
      await mkdir(closed, { mode: 0o700 });
      const hidden = join(closed, "data");
      for (const expected of [[], ["0001-first-tables"]]) {
        await whileRunning(async (client) => {
          const { rows } = await sql<{ name: string }>`
          select tablename as name from pg_tables where tablename = 'users'`.execute(client.db);
          expect(rows.length).toBe(expected.length);
          await migrateToLatest(client.db);
        }, embedded(hidden));
      }
      const place = await realpath(join(hidden, "postgres"));
      expect(place.startsWith(join(directory, "spare"))).toBe(true);
    },
  );
});
