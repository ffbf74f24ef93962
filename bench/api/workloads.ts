/**
 * What is measured: three requests of the contract, over many users and channels.
 */
import type { Kysely } from "kysely";
import { sql } from "kysely";
import { createStreamKeys } from "#api/auth/stream-keys.ts";
import { createTokens } from "#api/auth/tokens.ts";
import type { Database } from "#db/schema.ts";
import { newId, newStreamKey, newVideoUrl } from "#shared/ids.ts";

/** One prepared request; the load generator cycles through a list of them. */
export type PreparedRequest = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly authorization: string;
  readonly body: string;
};

export type Workload = {
  readonly name: string;
  readonly requests: readonly PreparedRequest[];
  /** Puts the tables back to where every window starts. */
  readonly reset: () => Promise<void>;
};

const USERS = 500;
/** More than any server gets through in one window: each publish is the first of its channel. */
const CHANNELS = 30_000;
const BATCH = 5000;

type Seeded = { readonly userIds: readonly string[]; readonly streamKeys: readonly string[] };

/** Fills the tables and prepares the requests. */
export async function prepareWorkloads(
  db: Kysely<Database>,
  secret: string,
  serviceToken: string,
): Promise<readonly Workload[]> {
  const { userIds, streamKeys } = await seed(db, secret);
  const tokens = await createTokens(secret, () => new Date());
  const bearers = await Promise.all(
    userIds.map(async (userId) =>
      `Bearer ${await tokens.issueAccess({ userId, sessionId: newId() })}`
    ),
  );
  const nodeInstanceId = newId();
  return [
    {
      name: "channel read",
      requests: bearers.map((authorization) => ({
        method: "GET",
        path: "/user/channel",
        authorization,
        body: "",
      })),
      reset: () => Promise.resolve(),
    },
    {
      name: "video insert",
      requests: bearers.map((authorization, index) => ({
        method: "POST",
        path: "/user/channel/videos",
        authorization,
        body: JSON.stringify({ title: `Tonight's show, part ${index}` }),
      })),
      reset: async () => {
        await sql`delete from videos where title like 'Tonight%'`.execute(db);
        await sql`vacuum analyze videos`.execute(db);
      },
    },
    {
      name: "publish callback",
      requests: streamKeys.map((streamKey) => ({
        method: "POST",
        path: "/control/authorise",
        authorization: `Bearer ${serviceToken}`,
        body: JSON.stringify({
          nodeId: "bench",
          nodeInstanceId,
          publisherId: newPublisherId(),
          streamKey,
          remoteAddress: "127.0.0.1",
        }),
      })),
      reset: async () => {
        await sql`truncate broadcasts`.execute(db);
        await sql`vacuum analyze channels`.execute(db);
      },
    },
  ];
}

/** As the media node makes them: version 4. */
function newPublisherId(): string {
  return crypto.randomUUID();
}

async function seed(db: Kysely<Database>, secret: string): Promise<Seeded> {
  const keys = await createStreamKeys(secret);
  const userIds: string[] = [];
  const streamKeys: string[] = [];
  for (let done = 0; done < CHANNELS; done += BATCH) {
    const rows = await Promise.all(Array.from({ length: BATCH }, async (_, index) => {
      const id = newId();
      const isOwnerMeasured = done + index < USERS;
      const key = isOwnerMeasured ? await keys.create(id) : await createUnreadKey(keys);
      return { id, userId: newId(), ...key };
    }));
    await insertBatch(db, rows);
    if (userIds.length === 0) userIds.push(...rows.slice(0, USERS).map(({ userId }) => userId));
    streamKeys.push(...rows.map(({ streamKey }) => streamKey));
  }
  await sql`analyze`.execute(db);
  return { userIds, streamKeys };
}

/** A key that is looked up but never shown, so it need not be sealed. */
async function createUnreadKey(keys: Awaited<ReturnType<typeof createStreamKeys>>) {
  const streamKey = newStreamKey();
  return { streamKey, hash: await keys.hash(streamKey), sealed: new Uint8Array(63) };
}

type SeedRow = {
  readonly id: string;
  readonly userId: string;
  readonly hash: Uint8Array;
  readonly sealed: Uint8Array;
};

async function insertBatch(db: Kysely<Database>, rows: readonly SeedRow[]): Promise<void> {
  await db.insertInto("users").values(rows.map(({ userId }) => ({
    id: userId,
    username: userId,
    username_key: userId,
    password_hash: "-",
  }))).execute();
  await db.insertInto("channels").values(rows.map((row) => ({
    id: row.id,
    user_id: row.userId,
    stream_key_hash: row.hash,
    stream_key_sealed: row.sealed,
  }))).execute();
  await db.insertInto("videos").values(rows.map((row) => ({
    id: newId(),
    channel_id: row.id,
    url: newVideoUrl(),
    title: "The first one",
  }))).execute();
}
