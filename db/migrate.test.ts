import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "#test/helpers/database.ts";
import { createDatabase } from "./client.ts";
import { migrateToLatest, migrationStatus } from "./migrate.ts";

const NAMES = [
  "0001-first-tables",
  "0002-recordings",
  "0003-relays",
  "0004-refused-sources",
  "0005-posters",
];
let template: TestDatabase;
beforeAll(async () => {
  template = await createTestDatabase();
});
afterAll(() => template.close());

/** An empty database beside the migrated one. */
async function withEmptyDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const name = `${new URL(template.url).pathname.slice(1)}_empty`;
  await sql`create database ${sql.id(name)} template template0`.execute(template.db);
  const url = new URL(template.url);
  url.pathname = `/${name}`;
  try {
    await work(url.href);
  } finally {
    await sql`drop database ${sql.id(name)} with (force)`.execute(template.db);
  }
}

describe("migrateToLatest()", () => {
  test("runs everything once, also when four processes start at once", async () => {
    await withEmptyDatabase(async (url) => {
      const clients = Array.from({ length: 4 }, () => createDatabase({ url, poolSize: 2 }));
      const [first] = clients;
      if (first === undefined) throw new Error("no client");
      expect((await migrationStatus(first.db)).map(({ appliedAt }) => appliedAt))
        .toEqual(NAMES.map(() => null));

      const applied = await Promise.all(clients.map(({ db }) => migrateToLatest(db)));
      expect(applied.flat()).toEqual(NAMES);

      const status = await migrationStatus(first.db);
      expect(status).toEqual(NAMES.map((name) => ({ name, appliedAt: expect.any(Date) })));
      expect(await migrateToLatest(first.db)).toEqual([]);
      await Promise.all(clients.map((client) => client.close()));
    });
  });

  test("makes every table that schema.ts names", async () => {
    const tables = await template.db.introspection.getTables();
    expect(tables.map(({ name }) => name).filter((name) => !name.startsWith("sluice_"))).toEqual([
      "broadcasts",
      "channels",
      "clips",
      "downloads",
      "images",
      "outbox",
      "refresh_families",
      "refresh_tokens",
      "users",
      "videos",
    ]);
  });
});
