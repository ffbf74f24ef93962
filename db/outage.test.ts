/**
 * Every backend is terminated, again and again, under load: nothing may stay stuck, and whatever
 * fails must fail with the one type that the API answers with 503.
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "#test/helpers/database.ts";
import { createDatabase, type DatabaseClient } from "./client.ts";
import { DatabaseUnavailableError } from "./errors.ts";

const LOOPS = 30;
const TERMINATIONS = 12;

let database: TestDatabase;
let executioner: DatabaseClient;
beforeAll(async () => {
  database = await createTestDatabase({ poolSize: 8 });
  executioner = createDatabase({ url: database.url, applicationName: "executioner", poolSize: 2 });
});
afterAll(async () => {
  await executioner.close();
  await database.close();
});

type Loop = { done: number; readonly errors: unknown[] };

/** Works until told to stop; a third of the loops read, a third write, a third transact. */
async function runLoop(kind: number, loop: Loop, isStopped: () => boolean): Promise<void> {
  const { db } = database;
  const works = [
    () => db.selectFrom("outbox").select("id").where("attempts", "=", kind).execute(),
    () => sql`select ${kind}::int, pg_sleep(0.001)`.execute(db),
    () =>
      db.transaction().execute(async (transaction) => {
        await sql`select ${kind}::int`.execute(transaction);
        await transaction.selectFrom("users").select("id").limit(1).execute();
      }),
  ];
  while (!isStopped()) {
    try {
      await works[kind % works.length]?.();
      loop.done += 1;
    } catch (error) {
      loop.errors.push(error);
      // A caller that retries at once would only measure how fast failures are.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

async function terminateAll(): Promise<number> {
  const { rows } = await sql<{ pid: number }>`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'sluice-test'`
    .execute(executioner.db);
  return rows.length;
}

test("all backends terminated under load: 0 stuck loops, one type of error", async () => {
  let isStopped = false;
  const loops = Array.from({ length: LOOPS }, (): Loop => ({ done: 0, errors: [] }));
  const running = loops.map((loop, kind) => runLoop(kind, loop, () => isStopped));
  let terminated = 0;
  for (let round = 0; round < TERMINATIONS; round += 1) {
    const before = loops.map(({ done }) => done);
    // Every loop has to get through again before the next blow: none is stuck.
    await expect.poll(
      () => loops.filter(({ done }, index) => done === before[index]).length,
      { timeout: 5000, interval: 10, message: "loops without progress" },
    ).toBe(0);
    terminated += await terminateAll();
  }
  isStopped = true;
  await Promise.all(running);

  const errors = loops.flatMap((loop) => loop.errors);
  expect(terminated).toBeGreaterThan(TERMINATIONS);
  expect(errors.filter((error) => !(error instanceof DatabaseUnavailableError))).toEqual([]);
  await database.ping();
});

test("reads outside transactions are retried and survive unseen", async () => {
  const read = () => database.db.selectFrom("users").select("id").execute();
  await read();
  for (let round = 0; round < 5; round += 1) {
    await terminateAll();
    expect(await read()).toEqual([]);
  }
});

/** A wire to the database that can be frozen: what is connected stays open and silent for good. */
async function openWire(targetUrl: string) {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => near.destroy() && far.destroy());
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const url = new URL(targetUrl);
  url.host = `127.0.0.1:${address.port}`;
  return {
    url: url.href,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test("a frozen connection: unavailable at the deadline, then a new one is made", async () => {
  const wire = await openWire(database.url);
  const client = createDatabase({ url: wire.url, poolSize: 4, queryDeadlineMs: 300 });
  const read = () => client.db.selectFrom("users").select("id").execute();
  const transact = () =>
    client.db.transaction().execute((transaction) => sql`select 1`.execute(transaction));
  await Promise.all([read(), transact()]);
  wire.freeze();
  const outcomes = await Promise.allSettled([read(), transact()]);
  expect(outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason)).toEqual([
    expect.objectContaining({ name: "DatabaseUnavailableError", kind: "deadline" }),
    expect.objectContaining({ name: "DatabaseUnavailableError", kind: "deadline" }),
  ]);
  await Promise.all([read(), transact()]);
  await client.close();
  wire.close();
});
