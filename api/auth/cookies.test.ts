/** Cookies carry their attributes, and foreign pages cannot write with them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenApiDocument } from "../http/document.ts";
import { createTestApp, passwordOf, type Session, type TestApp } from "#test/helpers/app.ts";

let app: TestApp;
let session: Session;
let writes: { method: string; path: string }[];
beforeAll(async () => {
  app = await createTestApp({ trustedOrigins: ["https://console.example"] });
  session = await app.signIn("cookie");
  const { body } = await app.send<OpenApiDocument>("GET", "/openapi.json");
  writes = Object.entries(body.paths).flatMap(([path, operations]) =>
    Object.keys(operations ?? {}).filter((method) => method !== "get")
      .map((method) => ({
        method: method.toUpperCase(),
        path: path.replaceAll(/\{\w+\}/g, "0190cafe-0000-7000-8000-000000000000"),
      }))
  );
});
afterAll(() => app.close());

const login = (to: TestApp, username: string) =>
  to.send("POST", "/auth/login", { json: { username, password: passwordOf(username) } });

test("login sets two HttpOnly cookies with SameSite=Lax", async () => {
  const cookies = (await login(app, "cookie")).headers.getSetCookie();
  expect(cookies).toEqual([
    expect.stringMatching(/^accessToken=ey[^;]+; Max-Age=1200; Path=\/; HttpOnly; SameSite=Lax$/),
    expect.stringMatching(
      /^refreshToken=rt_[^;]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/,
    ),
  ]);
});

test("behind an https URL they are Secure and tied to the host", async () => {
  const urls = { ...app.deps.urls, api: "https://live.example" };
  const secure = await createTestApp({ urls });
  const { token } = await secure.signIn("secure");
  const reply = await login(secure, "secure");
  expect(reply.headers.getSetCookie()).toEqual([
    expect.stringMatching(/^__Host-accessToken=.+; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
    expect.stringMatching(/^__Host-refreshToken=.+; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
  ]);
  expect(reply.headers.get("strict-transport-security")).toContain("max-age=");
  const plain = await secure.send("GET", "/user", { headers: { cookie: `accessToken=${token}` } });
  expect(plain.status).toBe(401);
  const prefixed = { cookie: `__Host-accessToken=${token}` };
  expect((await secure.send("GET", "/user", { headers: prefixed })).status).toBe(200);
  await secure.close();
});

describe("refuseForeignWrites()", () => {
  const refusals: Record<string, Record<string, string>> = {
    "from a foreign origin": { origin: "https://evil.example" },
    "from an opaque origin": { origin: "null" },
    "from another site": { "sec-fetch-site": "cross-site" },
    "from a sibling site": { "sec-fetch-site": "same-site", origin: "http://localhost:3000" },
    "as text/plain": { "content-type": "text/plain" },
    "as text/plain from our own page": {
      "content-type": "Text/Plain; charset=utf-8",
      origin: "http://localhost:8000",
      "sec-fetch-site": "same-origin",
    },
  };

  test.each(Object.keys(refusals))("refuses every write %s", async (name) => {
    for (const { method, path } of writes) {
      const headers = { "content-type": "application/json", ...refusals[name] };
      for (
        const cookie of [`accessToken=${session.token}`, `refreshToken=${session.refreshToken}`]
      ) {
        const reply = await app.send(method, path, { headers: { ...headers, cookie }, body: "{}" });
        expect({ method, path, status: reply.status, code: reply.body["code"] })
          .toEqual({ method, path, status: 403, code: "CROSS_ORIGIN_WRITE" });
      }
    }
    expect((await app.send("GET", "/user/channel", session)).status).toBe(404);
  });

  const passes: Record<string, Record<string, string>> = {
    "without a browser": {},
    "from our own page": { origin: "http://localhost:8000", "sec-fetch-site": "same-origin" },
    "from our own page by another address": {
      origin: "http://10.0.0.5:8000",
      host: "10.0.0.5:8000",
    },
    "from a trusted origin": { origin: "https://console.example", "sec-fetch-site": "cross-site" },
  };

  test.each(Object.keys(passes))("lets writes through %s", async (name) => {
    const headers = { cookie: `accessToken=${session.token}`, ...passes[name] };
    const reply = await app.send("PATCH", "/user", { headers, json: { first_name: "Ada" } });
    expect(reply.status).toBe(200);
  });

  test("does not concern bearer tokens", async () => {
    const headers = { origin: "https://evil.example", cookie: `accessToken=${session.token}` };
    const reply = await app.send("PATCH", "/user", { token: session.token, headers, json: {} });
    expect(reply.status).toBe(200);
  });
});

describe("CORS", () => {
  test("any page may call with a bearer token", async () => {
    const origin = "http://localhost:3000";
    const preflight = await app.request("/user/channel/videos", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
    expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization");
    const reply = await app.send("GET", "/videos", { headers: { origin } });
    expect(reply.headers.get("access-control-allow-origin")).toBe("*");
    expect(reply.headers.get("access-control-allow-credentials")).toBeNull();
  });

  test("a trusted origin may send cookies", async () => {
    const headers = { origin: "https://console.example" };
    const reply = await app.send("GET", "/user/missing", { headers });
    expect(reply.status).toBe(404);
    expect(reply.headers.get("access-control-allow-origin")).toBe("https://console.example");
    expect(reply.headers.get("access-control-allow-credentials")).toBe("true");
    expect(reply.headers.get("vary")).toBe("Origin");
  });
});
