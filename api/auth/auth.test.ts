/** What is not a good access token gets nowhere. */
import { sign } from "hono/jwt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveKey } from "#shared/keys.ts";
import {
  createTestApp,
  SERVICE_TOKEN,
  type Session,
  TEST_SECRET,
  type TestApp,
} from "#test/helpers/app.ts";

let app: TestApp;
let session: Session;
beforeAll(async () => {
  app = await createTestApp();
  session = await app.signIn("tokens");
});
afterAll(() => app.close());

const HMAC = { name: "HMAC", hash: "SHA-256" };
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

async function accessKey() {
  const bytes = await deriveKey(TEST_SECRET, "access-token");
  return crypto.subtle.importKey("raw", bytes, HMAC, true, ["sign"]);
}

/** A token with our real key, but other claims. */
async function forge(changes: Record<string, unknown>): Promise<string> {
  const nowS = Math.floor(Date.now() / 1000);
  const claims = {
    sub: session.userId,
    sid: crypto.randomUUID(),
    typ: "access",
    iss: "sluice",
    aud: "sluice-api",
    iat: nowS,
    exp: nowS + 1200,
    ...changes,
  };
  return await sign(claims, await accessKey(), "HS256");
}

async function withHeader(header: Record<string, unknown>): Promise<string> {
  const [, payload] = session.token.split(".");
  const signed = `${encode(header)}.${payload}`;
  const key = await accessKey();
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(signed));
  return `${signed}.${Buffer.from(signature).toString("base64url")}`;
}

const FORGERIES: Record<string, () => string | Promise<string>> = {
  "alg none without a signature": () =>
    `${encode({ alg: "none", typ: "JWT" })}.${session.token.split(".")[1]}.`,
  "alg none with the old signature": () =>
    [encode({ alg: "none", typ: "JWT" }), ...session.token.split(".").slice(1)].join("."),
  "alg HS512 with our key": () => withHeader({ alg: "HS512", typ: "JWT" }),
  "alg RS256 with our key": () => withHeader({ alg: "RS256", typ: "JWT" }),
  "a critical extension": () => withHeader({ alg: "HS256", typ: "JWT", crit: ["b64"], b64: false }),
  "a key of its own by jwk": async () => {
    const key = crypto.getRandomValues(new Uint8Array(32));
    const jwk = { kty: "oct", k: Buffer.from(key).toString("base64url"), alg: "HS256" };
    const own = await crypto.subtle.importKey("raw", key, HMAC, false, ["sign"]);
    const signed = `${encode({ alg: "HS256", typ: "JWT", jwk })}.${session.token.split(".")[1]}`;
    const signature = await crypto.subtle.sign("HMAC", own, new TextEncoder().encode(signed));
    return `${signed}.${Buffer.from(signature).toString("base64url")}`;
  },
  "a key of its own by jku": () =>
    [
      encode({
        alg: "HS256",
        typ: "JWT",
        jku: "http://localhost/jwks.json",
        kid: "../../dev/null",
      }),
      ...session.token.split(".").slice(1),
    ].join("."),
  "an empty signature": () => session.token.slice(0, session.token.lastIndexOf(".") + 1),
  "a flipped signature": () => {
    const at = session.token.lastIndexOf(".") + 5;
    const flipped = session.token[at] === "A" ? "B" : "A";
    return session.token.slice(0, at) + flipped + session.token.slice(at + 1);
  },
  "a changed payload": () => {
    const [header, , signature] = session.token.split(".");
    return `${header}.${encode({ sub: crypto.randomUUID(), typ: "access" })}.${signature}`;
  },
  "a token of 100 kB": () => `${session.token}${"A".repeat(100_000)}`,
  "no token at all": () => "x",
  "two parts": () => session.token.split(".").slice(0, 2).join("."),
  "a refresh token": () => session.refreshToken,
  "the service token": () => SERVICE_TOKEN,
  "a token expired by a second": () => forge({ exp: Math.floor(Date.now() / 1000) - 1 }),
  "a token that never expires": () => forge({ exp: undefined }),
  "another issuer": () => forge({ iss: "elsewhere" }),
  "another audience": () => forge({ aud: "elsewhere" }),
  "another type": () => forge({ typ: "refresh" }),
  "no type": () => forge({ typ: undefined }),
  "no session": () => forge({ sid: undefined }),
};

describe("requireUser()", () => {
  test("lets a good token through, from header and cookie", async () => {
    expect((await app.send("GET", "/user", { token: session.token })).status).toBe(200);
    expect((await app.send("GET", "/user", { token: await forge({}) })).status).toBe(200);
    const headers = { cookie: `accessToken=${session.token}` };
    expect((await app.send("GET", "/user", { headers })).status).toBe(200);
  });

  test.each(Object.keys(FORGERIES))("refuses %s", async (name) => {
    const token = await FORGERIES[name]?.() ?? "";
    // Twice: a refusal must not be remembered as something else.
    for (const _ of [1, 2]) {
      const reply = await app.send("POST", "/user/channel", { token });
      expect(reply).toMatchObject({ status: 401, body: { code: "INVALID_TOKEN" } });
      expect(reply.headers.get("www-authenticate")).toContain("Bearer");
    }
    const headers = { cookie: `accessToken=${token}` };
    expect((await app.send("GET", "/user", { headers })).status).toBe(401);
    // No handler was reached: there is still no channel.
    expect((await app.send("GET", "/user/channel", { token: session.token })).status).toBe(404);
  });

  test("refuses an access token twenty minutes later", async () => {
    const later = await createTestApp();
    const { token } = await later.signIn("later");
    expect((await later.send("GET", "/user", { token })).status).toBe(200);
    later.advance(20 * 60_000 - 2000);
    expect((await later.send("GET", "/user", { token })).status).toBe(200);
    later.advance(3000);
    expect((await later.send("GET", "/user", { token })).status).toBe(401);
    await later.close();
  });

  test("does not fall back to the cookie when the header is bad", async () => {
    const headers = { cookie: `accessToken=${session.token}`, authorization: "Basic dTpw" };
    expect((await app.send("GET", "/user", { headers })).status).toBe(401);
  });

  test("asks for a token where there is none", async () => {
    expect(await app.send("GET", "/user")).toMatchObject({
      status: 401,
      body: { code: "UNAUTHENTICATED" },
    });
  });
});

describe("requireService()", () => {
  test.each(["", "x", `${SERVICE_TOKEN}x`, SERVICE_TOKEN.slice(1)])("refuses %j", async (token) => {
    const reply = await app.send("POST", "/control/progress", { token, json: {} });
    expect(reply.status).toBe(401);
  });

  test("refuses a user's access token", async () => {
    const { token } = session;
    expect((await app.send("POST", "/control/progress", { token, json: {} })).status).toBe(401);
  });
});
