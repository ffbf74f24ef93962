import { mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { authorisePublisher } from "#db/authorise.ts";
import { reportStarted } from "#db/broadcast-reports.ts";
import { NGINX_RTMP_NODE } from "#db/broadcasts.ts";
import { addProfilePicture } from "#db/images.ts";
import { ORIGINALS } from "#shared/contracts/jobs.ts";
import { newId } from "#shared/ids.ts";
import type { Service } from "#shared/lifecycle.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { createTestDatabase, type TestDatabase } from "#test/helpers/database.ts";
import { insertChannel, insertUser, insertVideo } from "#test/helpers/rows.ts";
import { until } from "#test/helpers/until.ts";
import { createReaper } from "./reaper.ts";

let database: TestDatabase;
let directory: string;
let storage: Storage;
let reaper: Service | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), "sluice-reaper-"));
  storage = createFileStorage({ directory });
});
afterEach(() => reaper?.stop());
afterAll(async () => {
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

/** A reaper whose time runs `speed` times as fast. */
async function startReaper(speed = 1): Promise<void> {
  const { db } = database;
  const startMs = Date.now();
  const clock = () => new Date(startMs + (Date.now() - startMs) * speed);
  const often = { intervalMs: 20, cleanUpIntervalMs: 20 };
  reaper = createReaper({ db, storage, log: silentLogger, clock, ...often });
  await reaper.start();
}

async function live(nodeId: string) {
  const { channelId, streamKeyHash } = await insertChannel(database.db);
  await insertVideo(database.db, channelId);
  const now = new Date();
  const ids = {
    nodeInstanceId: crypto.randomUUID(),
    publisherId: crypto.randomUUID(),
    remoteAddress: "192.0.2.1",
  };
  const answer = await authorisePublisher(database.db, { streamKeyHash, nodeId, now, ...ids });
  const { broadcastId, epoch } = answer;
  const source = { video: null, audio: null, encoder: null };
  const renditions = [{ name: "high" as const, width: null, height: null, isCopy: true }];
  const startedAt = now.toISOString();
  await reportStarted(
    database.db,
    { nodeId, broadcastId, epoch, source, renditions, startedAt },
    now,
  );
  return answer;
}

const row = (id: string) =>
  database.db.selectFrom("broadcasts").selectAll().where("id", "=", id).executeTakeFirst();

test("createReaper() ends a broadcast after lease and reconnect window, never one of nginx", async () => {
  const lost = await live("node-a");
  const inFront = await live(NGINX_RTMP_NODE);
  const startedAt = performance.now();
  await startReaper(60);
  await until(async () => (await row(lost.broadcastId))?.state === "ended", 8000);
  // 30 s of lease and 60 s of reconnect window
  expect((performance.now() - startedAt) * 60).toBeGreaterThan(89_000);
  expect(await row(lost.broadcastId)).toMatchObject({ end_reason: "node_lost" });
  expect(await row(inFront.broadcastId)).toMatchObject({ state: "live" });
});

test("createReaper() counts silence from its own start", async () => {
  const { db } = database;
  const { broadcastId } = await live("node-a");
  const hourAgo = new Date(Date.now() - 3_600_000);
  await db.updateTable("broadcasts").set({ seen_at: hourAgo }).where("id", "=", broadcastId)
    .execute();
  const sweeping = await insertExpiredFamily();
  await startReaper();
  await until(async () => await familyCount(sweeping) === 0, 3000);
  expect(await row(broadcastId)).toMatchObject({ state: "live" });
});

test("createReaper() forgets publishers that never sent anything; their video waits on", async () => {
  const { channelId, streamKeyHash } = await insertChannel(database.db);
  const videoId = await insertVideo(database.db, channelId);
  const ids = {
    nodeInstanceId: crypto.randomUUID(),
    publisherId: crypto.randomUUID(),
    remoteAddress: "192.0.2.1",
  };
  const now = new Date();
  const { broadcastId } = await authorisePublisher(
    database.db,
    { streamKeyHash, nodeId: "node-a", now, ...ids },
  );
  await startReaper(60);
  await until(async () => await row(broadcastId) === undefined, 8000);
  const video = await database.db.selectFrom("videos").select("status").where("id", "=", videoId)
    .executeTakeFirstOrThrow();
  expect(video.status).toBe("CREATED");
});

async function store(key: string, ageMs: number): Promise<string> {
  await storage.put(key, new Uint8Array(10), { contentType: "image/png" });
  const at = new Date(Date.now() - ageMs);
  await utimes(join(directory, key), at, at);
  return key;
}

test("createReaper() deletes originals nobody knows and fails uploads nobody resized", async () => {
  const { db } = database;
  const HOUR_MS = 3_600_000;
  const orphan = await store(`${ORIGINALS}orphan`, 2 * HOUR_MS);
  const young = await store(`${ORIGINALS}young`, 0);
  const pending = await store(`${ORIGINALS}pending`, 2 * HOUR_MS);
  const stale = await store(`${ORIGINALS}stale`, 0);
  await addProfilePicture(db, await insertUser(db), pending);
  const forgotten = await addProfilePicture(db, await insertUser(db), stale);
  await db.updateTable("images").set({ updated_at: new Date(Date.now() - 25 * HOUR_MS) })
    .where("source_key", "=", stale).execute();
  await startReaper();
  await until(async () => await storage.head(orphan) === null, 3000);
  await until(async () => await storage.head(stale) === null, 3000);
  expect(await storage.head(young)).not.toBeNull();
  expect(await storage.head(pending)).not.toBeNull();
  const image = await db.selectFrom("images").selectAll()
    .where("id", "=", forgotten?.image.id ?? "").executeTakeFirstOrThrow();
  expect(image).toMatchObject({ status: "failed", source_key: null, failure_code: "INTERNAL" });
});

async function insertExpiredFamily(): Promise<string> {
  const id = newId();
  await database.db.insertInto("refresh_families").values({
    id,
    user_id: await insertUser(database.db),
    expires_at: new Date(Date.now() - 1000),
    revoked_at: null,
  }).execute();
  return id;
}

async function familyCount(id: string): Promise<number> {
  const rows = await database.db.selectFrom("refresh_families").select("id").where("id", "=", id)
    .execute();
  return rows.length;
}
