/** Many requests at many connections leave no error and no memory behind. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callApi, createUser, type TestUser } from "../../helpers/api-client.ts";
import { createTestDatabase, type TestDatabase } from "../../helpers/database.ts";
import { type ApiProcess, startApi } from "../api-process.ts";

const CONNECTIONS = 64;
const WARM_UP_REQUESTS = 6000;
const REQUESTS = 10_000;

let database: TestDatabase;
let api: ApiProcess;
let user: TestUser;
beforeAll(async () => {
  database = await createTestDatabase();
  api = await startApi([process.execPath, "api/main.ts"], { DATABASE_URL: database.url });
  user = await createUser(api.url, "loader");
  await user.call("POST", "/user/channel");
  await user.call("POST", "/user/channel/videos", { title: "One of many" });
});
afterAll(async () => {
  await api.stop();
  await database.close();
});

test("10 000 requests at 64 connections: no 5xx, memory grows by less than 20 MB", async () => {
  await load(WARM_UP_REQUESTS);
  const before = residentBytes(api.pid);
  const statuses = await load(REQUESTS);
  expect(new Set(statuses.keys())).toEqual(new Set([200, 401, 404]));
  expect(residentBytes(api.pid) - before).toBeLessThan(20e6);
}, 120_000);

/** Statuses by how often they came. */
async function load(requests: number): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const calls = [
    () => user.call("GET", "/user/channel"),
    () => user.call("GET", "/user/channel/videos"),
    () => callApi(api.url, "GET", "/videos?limit=10"),
    () => callApi(api.url, "GET", "/users/nobody"),
    () => callApi(api.url, "GET", "/user", { token: "not.a.token" }),
  ];
  let sent = 0;
  const loop = async () => {
    while (sent < requests) {
      const call = calls[sent++ % calls.length];
      const status = (await call?.())?.status ?? 0;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, loop));
  return statuses;
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
