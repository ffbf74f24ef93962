import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "#shared/ids.ts";
import { createTestDatabase, type TestDatabase } from "#test/helpers/database.ts";
import { type Param, prepareStatement } from "./prepared.ts";

let database: TestDatabase;
const ids = [newId(), newId()] as const;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.db.insertInto("users").values(ids.map((id, index) => ({
    id,
    username: `user ${index}`,
    username_key: `user ${index}`,
    password_hash: "-",
  }))).execute();
});
afterAll(() => database.close());

let builds = 0;
const findUser = prepareStatement((db, param: Param<{ id: string; username: string }>) => {
  builds += 1;
  return db.selectFrom("users").select(["id", "username"])
    .where("username", "=", param("username")).where("id", "=", param("id"));
});

test("prepareStatement() builds once and puts each argument in its place", async () => {
  for (const [index, id] of ids.entries()) {
    const username = `user ${index}`;
    expect(await findUser(database.db, { id, username })).toEqual([{ id, username }]);
  }
  expect(await findUser(database.db, { id: ids[0], username: "user 1" })).toEqual([]);
  expect(builds).toBe(1);
});

test("prepareStatement() runs in the transaction it is given", async () => {
  await database.db.transaction().execute(async (transaction) => {
    await transaction.deleteFrom("users").where("id", "=", ids[1]).execute();
    expect(await findUser(transaction, { id: ids[1], username: "user 1" })).toEqual([]);
    expect(await findUser(database.db, { id: ids[1], username: "user 1" })).toHaveLength(1);
  });
});
