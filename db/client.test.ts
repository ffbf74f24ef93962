import { AbortedTransactionError, CompiledQuery, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "#shared/ids.ts";
import { createTestDatabase, type TestDatabase } from "#test/helpers/database.ts";
import { createDatabase, type DatabaseClient } from "./client.ts";
import { DatabaseUnavailableError, isForeignKeyViolation, isUniqueViolation } from "./errors.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ queryDeadlineMs: 1000, acquireDeadlineMs: 300 });
});
afterAll(() => database.close());

function newUser(username: string) {
  return {
    id: newId(),
    username,
    username_key: username.toLowerCase(),
    password_hash: "$argon2id$",
    first_name: null,
    last_name: null,
    picture_id: null,
  };
}

describe("values", () => {
  test("jsonb keeps objects, arrays, empty arrays and null as they are", async () => {
    const user = newUser("values-json");
    await database.db.insertInto("users").values(user).execute();
    const image = {
      id: newId(),
      user_id: user.id,
      purpose: "thumbnail" as const,
      status: "ready" as const,
      source_key: null,
      failure_code: null,
      failure_detail: null,
    };
    const variant = {
      name: `1"2\\3.webp`,
      key: "a/b",
      contentType: "image/webp" as const,
      width: 1,
      height: 2,
      bytes: 3,
    };
    const [first, second] = await database.db.insertInto("images")
      .values([{ ...image, variants: [variant] }, { ...image, id: newId(), variants: [] }])
      .returning(["variants"]).execute();
    expect([first?.variants, second?.variants]).toEqual([[variant], []]);
    const pending = { ...image, id: newId(), status: "pending" as const, variants: null };
    const third = await database.db.insertInto("images").values(pending)
      .returning(["variants", sql<boolean>`variants is null`.as("isNull")])
      .executeTakeFirstOrThrow();
    expect(third).toEqual({ variants: null, isNull: true });
    const job = {
      kind: "image" as const,
      imageId: image.id,
      version: 1,
      purpose: image.purpose,
      sourceKey: "x",
      targetPrefix: "y",
    };
    await database.db.insertInto("outbox").values({ id: newId(), job, claimed_until: null })
      .execute();
    const stored = await database.db.selectFrom("outbox").select([
      "job",
      sql<string>`jsonb_typeof(job)`.as("type"),
    ]).executeTakeFirstOrThrow();
    expect(stored).toEqual({ job, type: "object" });
  });

  test("bigint is a number, bytea a Uint8Array, timestamptz a Date to the millisecond", async () => {
    const at = new Date("2026-03-01T12:34:56.789Z");
    const bytes = new Uint8Array([0, 1, 254, 255]);
    const { rows: [row] } = await sql<Record<string, unknown>>`
      select ${bytes}::bytea as bytes, 4503599627370496::bigint as big, count(*) as counted,
             ${at}::timestamptz(3) as at, ${"7"}::int as small, ${1.5}::float8 as float,
             ${true}::boolean as yes
      from users where false`.execute(database.db);
    expect(row).toStrictEqual({
      bytes,
      big: 4503599627370496,
      counted: 0,
      at,
      small: 7,
      float: 1.5,
      yes: true,
    });
  });

  test("arrays go both ways, quotes and all", async () => {
    const texts = ["plain", `with "quotes", comma and \\`, "", "ü"];
    const ids = [newId(), newId()];
    const { rows: [row] } = await sql<Record<string, unknown>>`
      select ${texts}::text[] as texts, ${ids}::uuid[] as ids, ${[1, 2]}::int[] as numbers,
             ${ids[0]}::uuid = any(${ids}::uuid[]) as found, '{}'::text[] as empty`
      .execute(database.db);
    expect(row).toStrictEqual({ texts, ids, numbers: [1, 2], found: true, empty: [] });
  });

  test("a value that cannot be sent is refused before it reaches the connection", async () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    const slow = sql`select pg_sleep(0.2), ${1}::int`.execute(database.db);
    for (const value of [undefined, new Date("nonsense"), cyclic, Symbol("s")]) {
      await expect(sql`select ${value}::text`.execute(database.db)).rejects.toThrow(TypeError);
    }
    await slow;
  });

  test("update and delete say how many rows they touched", async () => {
    const user = newUser("values-count");
    await database.db.insertInto("users").values(user).execute();
    const updated = await database.db.updateTable("users").set({ first_name: "Ada" })
      .where("id", "=", user.id).executeTakeFirst();
    const deleted = await database.db.deleteFrom("users").where("id", "=", newId())
      .executeTakeFirst();
    expect([updated.numUpdatedRows, deleted.numDeletedRows]).toEqual([1n, 0n]);
  });
});

describe("errors", () => {
  test("isUniqueViolation() knows the constraint by its name", async () => {
    await database.db.insertInto("users").values(newUser("Errors")).execute();
    const error = await database.db.insertInto("users").values(newUser("errors")).execute()
      .catch((reason: unknown) => reason);
    expect(isUniqueViolation(error, "users_username_key_unique")).toBe(true);
    expect(isUniqueViolation(error, "videos_url_unique")).toBe(false);
    expect(isForeignKeyViolation(error)).toBe(false);
  });

  test("a statement over the deadline is unavailable, and the connection goes on", async () => {
    const error = await sql`select pg_sleep(10)`.execute(database.db)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
    expect(error).toMatchObject({ kind: "refused" });
    await database.ping();
  });

  test("nobody listens: unavailable within a second, and close() still works", async () => {
    const client = createDatabase({ url: "postgres://a:b@127.0.0.1:1/none" });
    const startedAt = performance.now();
    await expect(client.ping()).rejects.toBeInstanceOf(DatabaseUnavailableError);
    const transaction = client.db.transaction().execute(() => Promise.resolve());
    await expect(transaction).rejects.toBeInstanceOf(DatabaseUnavailableError);
    expect(performance.now() - startedAt).toBeLessThan(1000);
    await client.close();
    await expect(client.ping()).rejects.toBeInstanceOf(DatabaseUnavailableError);
  });
});

describe("transactions", () => {
  test("a failed one leaves nothing and reports its own error", async () => {
    const user = newUser("rolled-back");
    const attempt = database.db.transaction().execute(async (transaction) => {
      await transaction.insertInto("users").values(user).execute();
      throw new Error("changed my mind");
    });
    await expect(attempt).rejects.toThrow("changed my mind");
    expect(await countUsers(database, user.username)).toBe(0);
  });

  test("parallel statements of one share its connection", async () => {
    const pids = await database.db.transaction().execute((transaction) =>
      Promise.all(
        Array.from({ length: 5 }, () =>
          sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction)),
      )
    );
    expect(new Set(pids.map(({ rows }) => rows[0]?.pid)).size).toBe(1);
  });

  test("a swallowed statement error does not commit", async () => {
    const user = newUser("swallowed");
    const attempt = database.db.transaction().execute(async (transaction) => {
      await transaction.insertInto("users").values(user).execute();
      await transaction.executeQuery(CompiledQuery.raw("select nonsense")).catch(() => {});
    });
    await expect(attempt).rejects.toBeInstanceOf(AbortedTransactionError);
    expect(await countUsers(database, user.username)).toBe(0);
  });

  test("no free connection in time: unavailable, and the next one gets through", async () => {
    const release = Promise.withResolvers<void>();
    const holders = [1, 2].map(() => database.db.transaction().execute(() => release.promise));
    const late = database.db.transaction().execute(() => Promise.resolve());
    await expect(late).rejects.toMatchObject({ kind: "deadline" });
    const waiting = database.db.transaction().execute(() => Promise.resolve("through"));
    release.resolve();
    await Promise.all(holders);
    expect(await waiting).toBe("through");
  });

  test("after its connection is gone no statement of it runs anywhere", async () => {
    const user = newUser("half-done");
    const attempt = database.db.transaction().execute(async (transaction) => {
      const { rows: [backend] } = await sql<{ pid: number }>`select pg_backend_pid() as pid`
        .execute(transaction);
      await sql`select pg_terminate_backend(${backend?.pid})`.execute(database.db);
      const insert = () => transaction.insertInto("users").values(user).execute();
      await insert().catch(() => {});
      await insert();
    });
    await expect(attempt).rejects.toBeInstanceOf(DatabaseUnavailableError);
    expect(await countUsers(database, user.username)).toBe(0);
  });
});

async function countUsers({ db }: DatabaseClient, username: string): Promise<number> {
  const row = await db.selectFrom("users").where("username", "=", username)
    .select(({ fn }) => fn.countAll<number>().as("count")).executeTakeFirstOrThrow();
  return row.count;
}
