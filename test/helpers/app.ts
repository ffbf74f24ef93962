/**
 * The API as a value over real parts: a database of its own, a temporary directory as storage, a
 * clock that can be moved.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "#api/app.ts";
import { createAttemptLimit } from "#api/auth/attempt-limit.ts";
import type { Deps } from "#api/deps.ts";
import { createDocument } from "#api/http/document.ts";
import { readDocsAsset } from "#api/http/docs-assets.ts";
import { limitHasher } from "#api/auth/password.ts";
import { nativeHasher } from "#api/auth/password-native.ts";
import { createStreamKeys } from "#api/auth/stream-keys.ts";
import { createTokens } from "#api/auth/tokens.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { createAnswerChecker } from "./openapi.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";

export const TEST_SECRET = "test-secret-0123456789abcdefghijklmnop";
export const SERVICE_TOKEN = "service-token-0123456789abcdefghijkl";

export type Reply<T> = { readonly status: number; readonly headers: Headers; readonly body: T };
export type SendOptions = {
  readonly token?: string;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
};

export type TestApp = {
  readonly deps: Deps;
  readonly database: TestDatabase;
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
  /** `request`, with the body read as JSON (undefined when empty). */
  readonly send: <T = Record<string, unknown>>(
    method: string,
    path: string,
    options?: SendOptions,
  ) => Promise<Reply<T>>;
  /** Signs a new user up and in; the access token. */
  readonly signIn: (username: string) => Promise<Session>;
  /** Moves the clock of the app. */
  readonly advance: (ms: number) => void;
  readonly close: () => Promise<void>;
};

export type Session = {
  readonly userId: string;
  readonly token: string;
  readonly refreshToken: string;
};

/** A fresh app; `overrides` replace single dependencies. */
export async function createTestApp(overrides: Partial<Deps> = {}): Promise<TestApp> {
  const database = await createTestDatabase();
  const directory = await mkdtemp(join(tmpdir(), "sluice-api-"));
  let offsetMs = 0;
  const clock = () => new Date(Date.now() + offsetMs);
  const limits = { maxFailures: 10, windowMs: 60_000, maxKeys: 1000, clock };
  const deps: Deps = {
    db: database.db,
    storage: createFileStorage({ directory }),
    tokens: await createTokens(TEST_SECRET, clock),
    streamKeys: await createStreamKeys(TEST_SECRET),
    passwords: limitHasher(nativeHasher, 2),
    loginAttempts: createAttemptLimit(limits),
    urls: {
      api: "http://localhost:8000",
      rtmp: "rtmp://localhost:1935/streaming",
      hls: "http://localhost:8080",
    },
    serviceToken: SERVICE_TOKEN,
    nginxRtmp: { secret: null, allow: [] },
    trustedOrigins: [],
    queue: { isConnected: () => true },
    readDocsAsset,
    remoteAddress: () => "127.0.0.1",
    clock,
    log: silentLogger,
    ...overrides,
  };
  const app = createApp(deps);
  // Whatever a test asks, the answer must be one that the OpenAPI document knows.
  let checkAnswer: ReturnType<typeof createAnswerChecker> | undefined;
  const request = async (path: string, init?: RequestInit) => {
    const response = await app.request(path, init);
    checkAnswer ??= createAnswerChecker(await createDocument(app, deps.urls));
    await checkAnswer(init?.method ?? "GET", path, response);
    return response;
  };
  const send = async <T>(method: string, path: string, options: SendOptions = {}) =>
    readReply<T>(await request(path, toInit(method, options)));
  return {
    deps,
    database,
    request,
    send,
    signIn: (username) => signIn(send, username),
    advance: (ms) => offsetMs += ms,
    close: async () => {
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The password of users made by `signIn`. */
export const passwordOf = (username: string) => `${username}-password`;

async function signIn(send: TestApp["send"], username: string): Promise<Session> {
  const json = { username, password: passwordOf(username) };
  const user = await send<{ id: string }>("POST", "/auth/signup", { json });
  if (user.status !== 201) throw new Error(`signup: ${user.status} ${JSON.stringify(user.body)}`);
  const login = await send<{ accessToken: string; refreshToken: string }>("POST", "/auth/login", {
    json,
  });
  if (login.status !== 201) throw new Error(`login: ${login.status}`);
  const { accessToken, refreshToken } = login.body;
  return { userId: user.body.id, token: accessToken, refreshToken };
}

function toInit(method: string, options: SendOptions): RequestInit {
  const headers = new Headers(options.headers);
  if (options.token !== undefined) headers.set("authorization", `Bearer ${options.token}`);
  if (options.json !== undefined) headers.set("content-type", "application/json");
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  return { method, headers, ...(body === undefined ? {} : { body }) };
}

async function readReply<T>(response: Response): Promise<Reply<T>> {
  const text = await response.text();
  const body = (text === "" ? undefined : JSON.parse(text)) as T;
  return { status: response.status, headers: response.headers, body };
}
