/** Guessing is slow and tells nothing, and a name is given out once. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestApp, passwordOf, type TestApp } from "#test/helpers/app.ts";

let app: TestApp;
let address = "192.0.2.1";
beforeAll(async () => {
  app = await createTestApp({ remoteAddress: () => address });
});
afterAll(() => app.close());

const login = (username: string, password = "wrong password") =>
  app.send("POST", "/auth/login", { json: { username, password } });

test("ten failed logins a minute, then 429 until it has passed", async () => {
  await app.signIn("victim");
  for (let count = 0; count < 10; count += 1) expect((await login("victim")).status).toBe(401);
  const limited = await login("VICTIM", passwordOf("victim"));
  expect(limited).toMatchObject({ status: 429, body: { code: "RATE_LIMITED" } });
  const retryAfterS = Number(limited.headers.get("retry-after"));
  expect(retryAfterS).toBeGreaterThan(50);
  expect(retryAfterS).toBeLessThanOrEqual(60);

  address = "192.0.2.2";
  expect((await login("victim", passwordOf("victim"))).status).toBe(201);
  address = "192.0.2.1";
  app.advance(retryAfterS * 1000);
  expect((await login("victim", passwordOf("victim"))).status).toBe(201);
});

test("a burst of guesses cannot outrun the count", async () => {
  const replies = await Promise.all(Array.from({ length: 30 }, () => login("nobody-at-all")));
  const statuses = replies.map(({ status }) => status);
  expect(statuses.filter((status) => status === 401)).toHaveLength(10);
  expect(statuses.filter((status) => status === 429)).toHaveLength(20);
});

test("a success forgets the failures before it", async () => {
  await app.signIn("clumsy");
  for (let count = 0; count < 9; count += 1) await login("clumsy");
  expect((await login("clumsy", passwordOf("clumsy"))).status).toBe(201);
  expect((await login("clumsy")).status).toBe(401);
});

test("unknown user and wrong password take the same time", async () => {
  const timed = await createTestApp({
    loginAttempts: { run: (_, attempt) => attempt() },
  });
  await timed.signIn("known");
  const measure = async (username: string) => {
    const startedAt = performance.now();
    const reply = await timed.send("POST", "/auth/login", {
      json: { username, password: "wrong password" },
    });
    expect(reply.status).toBe(401);
    return performance.now() - startedAt;
  };
  // In turns, and of each the quick ones: what else runs on the machine only makes some of them slower.
  const times = { known: [] as number[], unknown: [] as number[] };
  for (let pair = 0; pair < 100; pair += 1) {
    const order = pair % 2 === 0 ? ["known", "unknown"] as const : ["unknown", "known"] as const;
    for (const username of order) times[username].push(await measure(username));
  }
  const ratio = quickOf(times.known) / quickOf(times.unknown);
  expect(ratio).toBeGreaterThan(0.9);
  expect(ratio).toBeLessThan(1.1);
  await timed.close();
}, 120_000);

test("50 parallel sign-ups of one name make one row", async () => {
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      app.send("POST", "/auth/signup", {
        json: { username: index % 2 === 0 ? "Wanted" : "wANTED", password: "12345678" },
      })),
  );
  const statuses = replies.map(({ status }) => status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(1);
  expect(statuses.filter((status) => status === 409)).toHaveLength(49);
  const rows = await app.database.db.selectFrom("users").select("id")
    .where("username_key", "=", "wanted").execute();
  expect(rows).toHaveLength(1);
});

/** A tenth of `values` is smaller. */
function quickOf(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 10)] ?? 0;
}
