/** No input makes a 5xx, and every route is in the document. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestApp, SERVICE_TOKEN, type Session, type TestApp } from "#test/helpers/app.ts";
import { listOperations, type Operation } from "#test/helpers/openapi.ts";
import { createApp } from "../app.ts";
import { createDocument } from "./document.ts";

let app: TestApp;
let session: Session;
let operations: readonly Operation[];
let components: Readonly<Record<string, unknown>>;
beforeAll(async () => {
  app = await createTestApp({
    nginxRtmp: { secret: "nginx-secret-0123456789", allow: ["127.0.0.1"] },
    loginAttempts: { run: (_, attempt) => attempt() },
  });
  session = await app.signIn("fuzzer");
  const document = await createDocument(createApp(app.deps), app.deps.urls);
  operations = listOperations(document);
  components = document.components?.schemas ?? {};
});
afterAll(() => app.close());

const SOME_ID = "0190cafe-0000-7000-8000-000000000000";
const fill = (path: string, value = SOME_ID) => path.replaceAll(/\{\w+\}/g, value);
function tokenFor({ security = [] }: Operation): string | undefined {
  if (security.some((way) => "service" in way)) return SERVICE_TOKEN;
  return security.length > 0 ? session.token : undefined;
}

test("every route of the app is in the document, and nothing else", () => {
  const inApp = createApp(app.deps).routes.filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  const inDocument = operations.map(({ method, path }) => `${method} ${path}`);
  expect(new Set(inDocument)).toEqual(new Set(inApp));
});

test("the schema of an issue says where its codes are explained", () => {
  expect(components["Issue"]).toMatchObject({
    description: expect.stringContaining("docs/issues.md"),
  });
});

const JSON_TYPE = { "content-type": "application/json" };
const BODIES: Record<string, { headers: Record<string, string>; body?: BodyInit }> = {
  "no body": { headers: {} },
  "an empty body": { headers: JSON_TYPE, body: "" },
  "an array": { headers: JSON_TYPE, body: "[]" },
  "null": { headers: JSON_TYPE, body: "null" },
  "a string": { headers: JSON_TYPE, body: '"x"' },
  "cut JSON": { headers: JSON_TYPE, body: '{"title":' },
  "extra keys": { headers: JSON_TYPE, body: '{"unheard_of":1}' },
  "__proto__": { headers: JSON_TYPE, body: '{"__proto__":{"isAdmin":true},"constructor":1}' },
  "deep JSON": { headers: JSON_TYPE, body: `${"[".repeat(30_000)}${"]".repeat(30_000)}` },
  "a deep object": { headers: JSON_TYPE, body: `${'{"a":'.repeat(9000)}1${"}".repeat(9000)}` },
  "bad UTF-8": { headers: JSON_TYPE, body: new Uint8Array([0x22, 0xc3, 0x28, 0x22]) },
  "another type": { headers: { "content-type": "application/xml" }, body: "<a/>" },
  "a form": {
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "unheard=of&__proto__=1",
  },
  "a broken multipart body": {
    headers: { "content-type": "multipart/form-data; boundary=x" },
    body: "--y\r\n\r\n",
  },
  "11 MB": { headers: JSON_TYPE, body: `{"title":"${"x".repeat(11_000_000)}"}` },
};

describe("a bad body", () => {
  test.each(Object.keys(BODIES))("is refused by every route that takes one: %s", async (name) => {
    const { headers = {}, body } = BODIES[name] ?? {};
    for (const operation of operations) {
      if (operation.requestBody === undefined) continue;
      const isOptional = operation.requestBody.required === false &&
        (body === undefined || body === "");
      if (isOptional) continue;
      const token = tokenFor(operation);
      const options = { token, headers, ...(body === undefined ? {} : { body }) };
      const reply = await app.send(operation.method, fill(operation.path), options);
      expectRefusal(`${operation.method} ${operation.path}`, reply);
    }
  });

  test("is refused field by field where its types are wrong", async () => {
    const wrong = [null, true, 7, -1, 1e308, "", "\0", "x".repeat(40_000), [], {}, [[]], { a: {} }];
    for (const operation of operations) {
      const schema = operation.requestBody?.content["application/json"]?.schema;
      for (const field of fieldsOf(schema)) {
        for (const value of wrong) {
          const reply = await app.send(operation.method, fill(operation.path), {
            token: tokenFor(operation),
            json: { [field]: value },
          });
          expect(`${operation.path} ${field} ${reply.status}`).not.toMatch(/ 5\d\d$/);
        }
      }
    }
  }, 60_000);
});

describe("a bad path or query", () => {
  const NAMES = [
    "0",
    "x",
    "../../etc/passwd",
    "%00",
    "%ff",
    "%",
    "'; drop table users; --",
    "é",
    SOME_ID,
  ];
  test("is refused by every route with a parameter", async () => {
    for (const operation of operations) {
      if (!operation.path.includes("{")) continue;
      for (const name of NAMES) {
        const path = fill(operation.path, name.replaceAll("/", "%2f"));
        const reply = await app.send(operation.method, path, { token: tokenFor(operation) });
        expectRefusal(`${operation.method} ${path}`, reply);
      }
    }
  });

  test.each([
    "limit=0",
    "limit=101",
    "limit=-1",
    "limit=1.5",
    "limit=x",
    "limit=",
    "limit=1&limit=2",
    "cursor=",
    "cursor=x",
    "cursor=%00",
    "cursor=bm90IGFuIGlk",
    `cursor=${"x".repeat(200)}`,
    "cursor=1&cursor=2",
  ])("is refused by every list: %s", async (query) => {
    const lists = operations.filter(({ parameters = [] }) =>
      parameters.some(({ name }) => name === "cursor")
    );
    expect(lists.length).toBeGreaterThanOrEqual(5);
    for (const operation of lists) {
      const path = `${fill(operation.path)}?${query}`;
      const reply = await app.send("GET", path, { token: tokenFor(operation) });
      // An unknown channel has no list to refuse.
      expect(operation.path.includes("{") ? [400, 404] : [400]).toContain(reply.status);
      expect(reply.headers.get("content-type")).toBe("application/problem+json");
    }
  });
});

test("every answer carries the security headers", async () => {
  for (const path of ["/", "/videos", "/user", "/docs", "/openapi.json", "/nothing/here"]) {
    const { headers } = await app.request(path);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("x-request-id")).toMatch(/^[\w-]+$/);
  }
});

test("the wrong method is answered with those there are", async () => {
  const reply = await app.send("DELETE", "/videos");
  expect(reply).toMatchObject({ status: 405, body: { code: "METHOD_NOT_ALLOWED" } });
  expect(reply.headers.get("allow")).toBe("GET, HEAD");
  const own = await app.send("PUT", `/user/channel/videos/${SOME_ID}/`);
  expect(own.headers.get("allow")).toBe("GET, HEAD, PATCH, DELETE");
  expect((await app.send("GET", "/nothing/here")).status).toBe(404);
});

test("another tenant's ids read as unknown", async () => {
  const owner = await app.signIn("owner");
  await app.send("POST", "/user/channel", owner);
  const { token } = owner;
  const video = await app.send<{ id: string }>("POST", "/user/channel/videos", {
    token,
    json: { title: "Not yours" },
  });
  await app.send("POST", "/user/channel", session);
  const path = `/user/channel/videos/${video.body.id}`;
  for (const [method, json] of [["GET"], ["PATCH", { title: "Mine now" }], ["DELETE"]] as const) {
    const stranger = await app.send(method, path, { token: session.token, json });
    const unknown = await app.send(method, fill("/user/channel/videos/{id}"), {
      token: session.token,
      json,
    });
    expect(stranger.status).toBe(404);
    expect({ ...stranger.body, requestId: "" }).toEqual({ ...unknown.body, requestId: "" });
  }
  expect((await app.send("GET", path, { token })).body).toMatchObject({ title: "Not yours" });
});

type Refusal = { status: number; headers: Headers; body: Record<string, unknown> };

function expectRefusal(what: string, { status, headers, body }: Refusal): void {
  expect(`${what}: ${status}`).toMatch(/: 4\d\d$/);
  expect(`${what}: ${headers.get("content-type")}`).toBe(`${what}: application/problem+json`);
  expect(body).toMatchObject({ status, code: expect.any(String), requestId: expect.any(String) });
}

/** The fields of a body, whether its schema is spelled out or a component. */
function fieldsOf(schema: unknown): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { $ref, properties } = schema as { $ref?: string; properties?: object };
  const name = $ref?.split("/").at(-1);
  return name === undefined ? Object.keys(properties ?? {}) : fieldsOf(components[name]);
}
