/** A password is the same however a keyboard or an operating system composes its characters. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestApp, type TestApp } from "#test/helpers/app.ts";
import { limitHasher, type PasswordHasher } from "./password.ts";
import { nativeHasher } from "./password-native.ts";

let app: TestApp;
let hashes = 0;
let checks = 0;
const counting: PasswordHasher = {
  hash: (password) => {
    hashes += 1;
    return nativeHasher.hash(password);
  },
  verify: (phc, password) => {
    checks += 1;
    return nativeHasher.verify(phc, password);
  },
};
beforeAll(async () => {
  app = await createTestApp({ passwords: limitHasher(counting, 2) });
});
afterAll(() => app.close());

const COMPOSED = "Übergröße-é";
const NFC = COMPOSED.normalize("NFC");
const NFD = COMPOSED.normalize("NFD");

const signUp = (username: string, password: string) =>
  app.send("POST", "/auth/signup", { json: { username, password } });
async function logIn(username: string, password: string): Promise<number> {
  checks = 0;
  const { status } = await app.send("POST", "/auth/login", { json: { username, password } });
  return status;
}

/** A user whose password was hashed as it was typed. */
async function insertOld(username: string, password: string): Promise<void> {
  await signUp(username, "replaced below");
  await app.deps.db.updateTable("users")
    .set({ password_hash: await nativeHasher.hash(password) })
    .where("username", "=", username).execute();
}

test.each([
  ["nfc", NFC, NFD],
  ["nfd", NFD, NFC],
  ["wide", "ｐａｓｓｗｏｒｄ", "password"],
  ["ligature", "oﬃce-work", "office-work"],
])("a password set as %s fits in another form, by one check", async (username, set, typed) => {
  expect((await signUp(username, set)).status).toBe(201);
  expect([await logIn(username, typed), checks]).toEqual([201, 1]);
  expect([await logIn(username, set), checks]).toEqual([201, 1]);
  expect(await logIn(username, `${typed}x`)).toBe(401);
});

test("lengths count after normalisation", async () => {
  const composed = "é".repeat(64);
  expect((await signUp("longest", composed.normalize("NFD"))).status).toBe(201);
  expect(await logIn("longest", composed)).toBe(201);
  expect(await logIn("longest", composed.normalize("NFD"))).toBe(201);
  expect((await signUp("too-long", `${composed}é`)).status).toBe(400);
  expect((await signUp("too-short", "ééééééé".normalize("NFD"))).status).toBe(400);
  // Greek with three marks: four code points each.
  const marked = "\u1f82".repeat(64);
  expect((await signUp("marked", marked.normalize("NFD"))).status).toBe(201);
  expect(await logIn("marked", marked.normalize("NFD"))).toBe(201);
});

test("a hash of the raw password is accepted once, and renewed", async () => {
  await insertOld("elder", NFD);
  expect(await logIn("elder", NFC)).toBe(401);
  hashes = 0;
  expect([await logIn("elder", NFD), checks, hashes]).toEqual([201, 2, 1]);
  expect([await logIn("elder", NFC), checks, hashes]).toEqual([201, 1, 1]);
  expect([await logIn("elder", NFD), checks, hashes]).toEqual([201, 1, 1]);
});

test("a password is changed in any form of the current one", async () => {
  for (const [username, insert] of [["changer", signUp], ["old-changer", insertOld]] as const) {
    await insert(username, NFD);
    const login = await app.send<{ accessToken: string }>("POST", "/auth/login", {
      json: { username, password: NFD },
    });
    const changed = await app.send("PATCH", "/user", {
      token: login.body.accessToken,
      json: { password: "ｎｅｗ-ｐａｓｓｗｏｒｄ", current_password: NFC },
    });
    expect(changed.status).toBe(200);
    expect(await logIn(username, "new-password")).toBe(201);
    expect(await logIn(username, NFD)).toBe(401);
  }
});

test("an old hash is enough to change a password", async () => {
  await insertOld("direct", NFD);
  const { token } = await app.signIn("someone");
  // The session of another user with the hash of this one: no login has renewed it.
  const { password_hash: old } = await app.deps.db.selectFrom("users").select("password_hash")
    .where("username", "=", "direct").executeTakeFirstOrThrow();
  await app.deps.db.updateTable("users").set({ password_hash: old })
    .where("username", "=", "someone").execute();
  const changed = await app.send("PATCH", "/user", {
    token,
    json: { password: "another one", current_password: NFD },
  });
  expect(changed.status).toBe(200);
});

test("unknown user and wrong password cost the same number of checks", async () => {
  await signUp("newer", NFC);
  await insertOld("older", NFC);
  for (const password of ["plain password", "pässword".normalize("NFD"), "ﬁx-password"]) {
    const costs: number[] = [];
    for (const username of ["newer", "older", "nobody"]) {
      expect(await logIn(username, password)).toBe(401);
      costs.push(checks);
    }
    expect(new Set(costs).size).toBe(1);
  }
});
