import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase } from "#db/client.ts";
import { StorageError } from "#shared/storage/port.ts";
import { createTestApp, type TestApp } from "#test/helpers/app.ts";

let app: TestApp;
let isQueueUp = true;
beforeAll(async () => {
  app = await createTestApp({ queue: { isConnected: () => isQueueUp } });
});
afterAll(() => app.close());

test("/readyz is ok, and degraded while the queue is down", async () => {
  expect(await app.send("GET", "/readyz")).toMatchObject({
    status: 200,
    body: { status: "ok", parts: { database: "up", storage: "up", queue: "up" } },
  });
  isQueueUp = false;
  expect(await app.send("GET", "/readyz")).toMatchObject({
    status: 200,
    body: { status: "degraded", parts: { queue: "down" } },
  });
});

test("without a database /readyz is down, /livez ok, and everything else 503 with Retry-After", async () => {
  const url = "postgres://nobody:nothing@127.0.0.1:1/nowhere";
  const away = createDatabase({ url, connectDeadlineMs: 500 });
  const broken = await createTestApp({ db: away.db });
  expect(await broken.send("GET", "/readyz")).toMatchObject({
    status: 503,
    body: { status: "down", parts: { database: "down", storage: "up" } },
  });
  expect((await broken.send("GET", "/livez")).status).toBe(200);
  const reply = await broken.send("GET", "/videos");
  expect(reply).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
  expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(JSON.stringify(reply.body)).not.toContain("127.0.0.1");
  await away.close();
  await broken.close();
});

test("without storage /readyz is down", async () => {
  const failing = () => Promise.reject(new StorageError("head", "x", new Error("gone")));
  const storage = { ...app.deps.storage, head: failing };
  const broken = await createTestApp({ storage });
  expect((await broken.send("GET", "/readyz")).body).toMatchObject({ parts: { storage: "down" } });
  await broken.close();
});

test("a bug is answered without a trace of it", async () => {
  const logged: string[] = [];
  const log = { ...app.deps.log, error: (event: string) => logged.push(event) };
  const broken = await createTestApp({
    log,
    tokens: { ...app.deps.tokens, verifyAccess: () => Promise.reject(new Error("secret detail")) },
  });
  const reply = await broken.send("GET", "/user", { token: "x.y.z" });
  expect(reply).toMatchObject({ status: 500, body: { code: "INTERNAL" } });
  expect(JSON.stringify(reply.body)).not.toContain("secret detail");
  expect(logged).toEqual(["request.failed"]);
  await broken.close();
});
