/** Refresh tokens are spent once, and sessions end when they are told to. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestApp, passwordOf, type TestApp } from "#test/helpers/app.ts";

type Pair = { accessToken: string; refreshToken: string };
let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const refresh = (refreshToken: string) =>
  app.send<Pair & { code?: string }>("POST", "/auth/refresh", { json: { refreshToken } });
const statusOf = async (token: string) => (await app.send("GET", "/user", { token })).status;
const countFamilies = async (userId: string) =>
  (await app.database.db.selectFrom("refresh_families").select("id")
    .where("user_id", "=", userId).where("revoked_at", "is", null).execute()).length;

test("refresh answers new tokens and spends the old one", async () => {
  const session = await app.signIn("spender");
  const first = await refresh(session.refreshToken);
  expect(first.status).toBe(201);
  expect(first.body.refreshToken).not.toBe(session.refreshToken);
  expect(await statusOf(first.body.accessToken)).toBe(200);
  expect((await refresh(first.body.refreshToken)).status).toBe(201);
});

test("refresh takes the cookie, and its body wins over it", async () => {
  const session = await app.signIn("cookies");
  const headers = { cookie: `refreshToken=${session.refreshToken}` };
  const byCookie = await app.send<Pair>("POST", "/auth/refresh", { headers });
  expect(byCookie.status).toBe(201);
  const json = { refreshToken: byCookie.body.refreshToken };
  expect((await app.send("POST", "/auth/refresh", { headers, json })).status).toBe(201);
});

test("a token spent within ten seconds is answered with the same successor", async () => {
  const session = await app.signIn("graceful");
  const first = await refresh(session.refreshToken);
  app.advance(9000);
  const again = await refresh(session.refreshToken);
  expect(again.status).toBe(201);
  expect(again.body.refreshToken).toBe(first.body.refreshToken);
  expect(await countFamilies(session.userId)).toBe(1);
});

test("a token spent for more than ten seconds ends its family", async () => {
  const session = await app.signIn("stolen");
  const first = await refresh(session.refreshToken);
  app.advance(10_001);
  expect(await statusOf(first.body.accessToken)).toBe(200);
  expect(await refresh(session.refreshToken)).toMatchObject({
    status: 401,
    body: { code: "REFRESH_TOKEN_REUSED" },
  });
  expect(await statusOf(first.body.accessToken)).toBe(401);
  expect((await refresh(first.body.refreshToken)).status).toBe(401);
  expect(await countFamilies(session.userId)).toBe(0);
});

test("50 parallel refreshes of one token leave one family and log nobody out", async () => {
  const session = await app.signIn("parallel");
  const replies = await Promise.all(
    Array.from({ length: 50 }, () => refresh(session.refreshToken)),
  );
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]));
  expect(new Set(replies.map(({ body }) => body.refreshToken)).size).toBe(1);
  expect(await countFamilies(session.userId)).toBe(1);
  const [reply] = replies;
  expect(await statusOf(reply?.body.accessToken ?? "")).toBe(200);
  expect((await refresh(reply?.body.refreshToken ?? "")).status).toBe(201);
});

test.each([
  ["an access token", (pair: Pair) => pair.accessToken],
  ["a made-up token", () => "rt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
])("refresh refuses %s", async (name, choose) => {
  const { token, refreshToken } = await app.signIn(`no-${name.slice(3, 9).trim()}`);
  const reply = await refresh(choose({ accessToken: token, refreshToken }));
  expect(reply).toMatchObject({ status: 401, body: { code: "INVALID_TOKEN" } });
});

test("refresh without any token says what is missing", async () => {
  expect(await app.send("POST", "/auth/refresh")).toMatchObject({
    status: 401,
    body: { code: "UNAUTHENTICATED" },
  });
});

test("a refresh token lasts seven days from its own beginning", async () => {
  const session = await app.signIn("weekly");
  app.advance(6 * 86_400_000);
  const renewed = await refresh(session.refreshToken);
  expect(renewed.status).toBe(201);
  app.advance(6 * 86_400_000);
  const again = await refresh(renewed.body.refreshToken);
  expect(again.status).toBe(201);
  app.advance(7 * 86_400_000 + 1000);
  expect((await refresh(again.body.refreshToken)).status).toBe(401);
});

test("logout ends the session at once, by body, cookie or access token", async () => {
  const ways = [
    (pair: Pair) => ({ json: { refreshToken: pair.refreshToken } }),
    (pair: Pair) => ({ headers: { cookie: `refreshToken=${pair.refreshToken}` } }),
    (pair: Pair) => ({ token: pair.accessToken }),
  ];
  for (const [index, way] of ways.entries()) {
    const { token, refreshToken } = await app.signIn(`leaver${index}`);
    const reply = await app.send("POST", "/auth/logout", way({ accessToken: token, refreshToken }));
    expect(reply.status).toBe(204);
    expect(reply.headers.getSetCookie()).toEqual([
      expect.stringContaining("accessToken=; Max-Age=0"),
      expect.stringContaining("refreshToken=; Max-Age=0"),
    ]);
    expect((await refresh(refreshToken)).status).toBe(401);
    expect(await statusOf(token)).toBe(401);
  }
  expect((await app.send("POST", "/auth/logout")).status).toBe(204);
});

test("a new password needs the current one and ends every other session", async () => {
  const own = await app.signIn("changer");
  const json = { username: "changer", password: passwordOf("changer") };
  const other = (await app.send<Pair>("POST", "/auth/login", { json })).body;
  const patch = (changes: Record<string, unknown>) =>
    app.send("PATCH", "/user", { token: own.token, json: changes });

  expect(await patch({ password: "another password" })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: "/current_password" }] },
  });
  expect(await patch({ password: "another password", current_password: "wrong one" }))
    .toMatchObject({ status: 403 });
  expect(await statusOf(other.accessToken)).toBe(200);

  const change = { password: "another password", current_password: json.password };
  expect((await patch(change)).status).toBe(200);
  expect(await statusOf(own.token)).toBe(200);
  expect((await refresh(own.refreshToken)).status).toBe(201);
  expect(await statusOf(other.accessToken)).toBe(401);
  expect((await refresh(other.refreshToken)).status).toBe(401);
  expect((await app.send("POST", "/auth/login", { json })).status).toBe(401);
  const login = { username: "changer", password: "another password" };
  expect((await app.send("POST", "/auth/login", { json: login })).status).toBe(201);
});

test("no token, password or key is in the database in clear", async () => {
  const session = await app.signIn("secretive");
  const channel = await app.send<{ streamKey: string }>("POST", "/user/channel", session);
  const { db } = app.database;
  const dump = JSON.stringify([
    await db.selectFrom("users").selectAll().execute(),
    await db.selectFrom("refresh_tokens").selectAll().execute(),
    await db.selectFrom("channels").selectAll().execute(),
  ], (_, value: unknown) => {
    const isBytes = value instanceof Uint8Array ||
      (typeof value === "object" && value !== null && "type" in value && value.type === "Buffer");
    return isBytes ? Buffer.from(value as Uint8Array).toString("latin1") : value;
  });
  for (const secret of [passwordOf("secretive"), session.refreshToken, channel.body.streamKey]) {
    expect(dump).not.toContain(secret);
  }
});
