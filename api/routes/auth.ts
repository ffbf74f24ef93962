/**
 * Sign-up, login, refresh, logout.
 */
import { type Context, Hono } from "hono";
import { closeSession, closeSessionOfToken, openSession, rotateSession } from "#db/sessions.ts";
import {
  type Credentials,
  findCredentials,
  insertUser,
  isUsernameTaken,
  renewPasswordHash,
} from "#db/users.ts";
import {
  accountBodySchema,
  type LoginRequest,
  loginRequestSchema,
  PASSWORD_FORM,
  refreshRequestSchema,
  type SignupRequest,
  signupRequestSchema,
  type TokenPair,
  tokenPairSchema,
} from "#shared/contracts/accounts.ts";
import { AppError } from "#shared/errors.ts";
import { readSignedIn } from "../auth/auth.ts";
import { readRefreshCookie, setTokenCookies } from "../auth/cookies.ts";
import type { ApiEnv, Deps, SignedIn } from "../deps.ts";
import { describe } from "../http/openapi.ts";
import { fitPassword, type PasswordFit, UNKNOWN_USER_PHC } from "../auth/password.ts";
import { REFRESH_GRACE_MS, REFRESH_TOKEN_S } from "../auth/tokens.ts";
import { zv, zvOptionalJson } from "../http/validate.ts";

const ROUTES = {
  signup: describe({
    summary: "Create an account",
    tag: "auth",
    access: "public",
    answers: { 201: accountBodySchema },
    takes: "json",
    refuses: ["USERNAME_TAKEN"],
  }),
  login: describe({
    summary: "Log in: two tokens, in the body and as HttpOnly cookies",
    tag: "auth",
    access: "public",
    answers: { 201: tokenPairSchema },
    takes: "json",
    refuses: ["INVALID_CREDENTIALS", "RATE_LIMITED"],
  }),
  refresh: describe({
    summary: "Exchange a refresh token, from the cookie or the body, for new tokens",
    tag: "auth",
    access: "public",
    answers: { 201: tokenPairSchema },
    takes: "json",
    refuses: ["UNAUTHENTICATED", "INVALID_TOKEN", "REFRESH_TOKEN_REUSED"],
  }),
  logout: describe({
    summary: "End the session of the access or refresh token",
    tag: "auth",
    access: "public",
    answers: { 204: null },
    takes: "json",
  }),
};

/** `/auth/*` */
export function authRoutes(deps: Deps) {
  return new Hono<ApiEnv>()
    .post(
      "/signup",
      ROUTES.signup,
      zv("json", signupRequestSchema),
      async (c) => c.json(await signUp(deps, c.req.valid("json")), 201),
    )
    .post(
      "/login",
      ROUTES.login,
      zv("json", loginRequestSchema),
      async (c) => {
        const tokens = await logIn(deps, c, c.req.valid("json"));
        setTokenCookies(c, deps.urls, tokens);
        return c.json(tokens, 201);
      },
    )
    .post(
      "/refresh",
      ROUTES.refresh,
      zvOptionalJson(refreshRequestSchema),
      async (c) => {
        const token = c.req.valid("json")?.refreshToken ?? readRefreshCookie(c, deps.urls);
        const tokens = await refresh(deps, token);
        setTokenCookies(c, deps.urls, tokens);
        return c.json(tokens, 201);
      },
    )
    .post(
      "/logout",
      ROUTES.logout,
      zvOptionalJson(refreshRequestSchema),
      async (c) => {
        const token = c.req.valid("json")?.refreshToken ?? readRefreshCookie(c, deps.urls);
        await logOut(deps, token, await readSignedIn(c, deps));
        setTokenCookies(c, deps.urls, null);
        return c.body(null, 204);
      },
    );
}

async function signUp(deps: Deps, request: SignupRequest) {
  const { username } = request;
  // Saves the price of a hash; the unique index decides all the same.
  if (await isUsernameTaken(deps.db, username)) {
    throw new AppError("USERNAME_TAKEN", `the username ${username} is taken`);
  }
  const passwordHash = await deps.passwords.hash(request.password);
  const firstName = request.first_name ?? null;
  const lastName = request.last_name ?? null;
  const id = await insertUser(deps.db, { username, passwordHash, firstName, lastName });
  deps.log.info("user.created", { userId: id });
  return { id, username, first_name: firstName, last_name: lastName };
}

async function logIn(deps: Deps, c: Context<ApiEnv>, request: LoginRequest): Promise<TokenPair> {
  const user = await checkCredentials(deps, c, request);
  const refreshToken = deps.tokens.newRefresh();
  const now = deps.clock();
  const sessionId = await openSession(deps.db, {
    userId: user.id,
    tokenHash: await deps.tokens.hashRefresh(refreshToken),
    now,
    expiresAt: refreshExpiry(now),
  });
  return issue(deps, { userId: user.id, sessionId }, refreshToken);
}

async function checkCredentials(
  deps: Deps,
  c: Context<ApiEnv>,
  { username, password }: LoginRequest,
): Promise<Credentials> {
  const user = await findCredentials(deps.db, username);
  // An unknown name costs the same hash, so that time does not tell which names exist.
  const phc = user?.passwordHash ?? UNKNOWN_USER_PHC;
  const address = deps.remoteAddress(c.req.raw, c.env);
  const found: { fit: PasswordFit } = { fit: "none" };
  const isRight = await deps.loginAttempts.run(
    `${username.toLowerCase()} ${address}`,
    async () => {
      found.fit = await fitPassword(deps.passwords, phc, password);
      return found.fit !== "none" && user !== undefined;
    },
  );
  if (!isRight || user === undefined) {
    throw new AppError("INVALID_CREDENTIALS", "no user has this username and password");
  }
  if (found.fit === "raw") await renewHash(deps, user, password);
  return user;
}

/** From now on the password fits however its characters are typed. */
async function renewHash(deps: Deps, user: Credentials, typed: string): Promise<void> {
  await renewPasswordHash(deps.db, user, await deps.passwords.hash(typed.normalize(PASSWORD_FORM)));
  deps.log.info("user.password_rehashed", { userId: user.id });
}

async function refresh(deps: Deps, token: string | undefined): Promise<TokenPair> {
  if (token === undefined) {
    throw new AppError("UNAUTHENTICATED", "send the refresh token as cookie or in the body");
  }
  const next = await deps.tokens.nextRefresh(token);
  const now = deps.clock();
  const rotated = await rotateSession(deps.db, {
    tokenHash: await deps.tokens.hashRefresh(token),
    nextHash: await deps.tokens.hashRefresh(next),
    now,
    expiresAt: refreshExpiry(now),
    graceMs: REFRESH_GRACE_MS,
  });
  if (rotated.outcome === "unknown") {
    throw new AppError("INVALID_TOKEN", "the refresh token is unknown or has expired");
  }
  if (rotated.outcome === "reused") {
    deps.tokens.revokeSession(rotated.sessionId);
    deps.log.warn("session.token_reused", { sessionId: rotated.sessionId });
    throw new AppError("REFRESH_TOKEN_REUSED", "this token was spent; log in again");
  }
  return issue(deps, rotated, next);
}

async function issue(deps: Deps, who: SignedIn, refreshToken: string): Promise<TokenPair> {
  const accessToken = await deps.tokens.issueAccess({
    userId: who.userId,
    sessionId: who.sessionId,
  });
  return { accessToken, refreshToken };
}

/** Whatever names the session ends it; a token that names none is not worth an error. */
async function logOut(
  deps: Deps,
  refreshToken: string | undefined,
  who: SignedIn | null,
): Promise<void> {
  const now = deps.clock();
  if (refreshToken !== undefined) {
    const tokenHash = await deps.tokens.hashRefresh(refreshToken);
    const sessionId = await closeSessionOfToken(deps.db, { tokenHash, now });
    if (sessionId !== undefined) deps.tokens.revokeSession(sessionId);
  }
  if (who === null) return;
  await closeSession(deps.db, { id: who.sessionId, now });
  deps.tokens.revokeSession(who.sessionId);
}

function refreshExpiry(now: Date): Date {
  return new Date(now.getTime() + REFRESH_TOKEN_S * 1000);
}
