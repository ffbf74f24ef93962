/**
 * A relay killed again and again between commit and publish loses nothing.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRelay } from "#api/background/relay.ts";
import { silentLogger } from "#shared/log.ts";
import { createAmqpQueue } from "#shared/queue/amqp.ts";
import type { JobQueue } from "#shared/queue/port.ts";
import { createTestDatabase, type TestDatabase } from "#test/helpers/database.ts";
import { asImageJob } from "#test/helpers/jobs.ts";
import { borrowRabbitMq } from "#test/helpers/rabbitmq.ts";
import { until } from "#test/helpers/until.ts";

const KILLS = 20;
/** Jobs committed by one process before it is killed: wherever it then is with the last of them. */
const JOBS_BEFORE_KILL = 40;
const PROGRAM = fileURLToPath(new URL("../helpers/relay.program.ts", import.meta.url));

let broker: Awaited<ReturnType<typeof borrowRabbitMq>>;
let database: TestDatabase;
let queue: JobQueue;
const delivered = new Map<string, number>();

beforeAll(async () => {
  broker = await borrowRabbitMq();
  database = await createTestDatabase();
  queue = createAmqpQueue({ url: broker.url, log: silentLogger });
  await queue.consume({
    prefetch: 50,
    handle: ({ queued: { job } }) => {
      const { imageId } = asImageJob(job);
      delivered.set(imageId, (delivered.get(imageId) ?? 0) + 1);
      return Promise.resolve();
    },
  });
  await queue.start();
}, 120_000);
afterAll(async () => {
  await queue?.stop();
  await database?.close();
  await broker?.stop();
});

/** Runs the program until it has committed enough, kills it, and gives what it committed. */
function runAndKill(): Promise<string[]> {
  const child = spawn(process.execPath, [PROGRAM, database.url, broker.url, "1000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
    child.stdout.on("data", (data) => {
      text += String(data);
      if (text.split("\n").length > JOBS_BEFORE_KILL) child.kill("SIGKILL");
    });
    child.once("error", reject);
    child.once("close", () => {
      clearTimeout(late);
      resolve(text.split("\n").slice(0, -1));
    });
  });
}

test(`a relay killed ${KILLS} times between commit and publish loses no job`, async () => {
  const committed: string[] = [];
  let leftBehind = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    committed.push(...await runAndKill());
    const left = await database.db.selectFrom("outbox").select("id").execute();
    leftBehind += left.length;
  }
  // The kills hit something: jobs were committed and not yet handed on.
  expect(leftBehind).toBeGreaterThan(KILLS);
  expect(committed.length).toBeGreaterThanOrEqual(KILLS * JOBS_BEFORE_KILL);

  const relay = createRelay({ db: database.db, queue, log: silentLogger });
  await relay.start();
  try {
    await until(() => committed.every((id) => delivered.has(id)), 20_000);
    await until(
      async () => (await database.db.selectFrom("outbox").select("id").execute()).length === 0,
      5000,
    );
  } finally {
    await relay.stop();
  }
  const lost = committed.filter((id) => !delivered.has(id));
  expect(lost).toEqual([]);
}, 180_000);
