/**
 * Who is calling: a user by access token (header or cookie), or our own services by their token.
 */
import type { Context, MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import { AppError } from "#shared/errors.ts";
import { isSameSecret } from "./constant-time.ts";
import { cookieNames } from "./cookies.ts";
import type { ApiEnv, Deps, SignedIn } from "../deps.ts";

const BEARER = /^Bearer +([\w.~+/-]+=*)$/i;

/**
 * Lets signed-in users through: `c.get("user")` says who. A token in the header wins over the cookie.
 * @throws AppError UNAUTHENTICATED, INVALID_TOKEN
 */
export function requireUser(deps: Pick<Deps, "tokens" | "urls">): MiddlewareHandler<ApiEnv> {
  const cookie = cookieNames(deps.urls).access;
  return async (c, next) => {
    const token = readBearer(c) ?? getCookie(c, cookie);
    if (token === undefined) {
      throw new AppError("UNAUTHENTICATED", "send the access token as Authorization: Bearer …");
    }
    c.set("user", await deps.tokens.verifyAccess(token));
    return next();
  };
}

/**
 * Lets media nodes and resizers through.
 * @throws AppError UNAUTHENTICATED, INVALID_TOKEN
 */
export function requireService(deps: Pick<Deps, "serviceToken">): MiddlewareHandler<ApiEnv> {
  return (c, next) => {
    const token = readBearer(c);
    if (token === undefined) throw new AppError("UNAUTHENTICATED", "send the service token");
    if (!isSameSecret(token, deps.serviceToken)) {
      throw new AppError("INVALID_TOKEN", "this is not the service token");
    }
    return next();
  };
}

/** Who is signed in, or null: for routes that serve both. */
export async function readSignedIn(
  c: Context<ApiEnv>,
  deps: Pick<Deps, "tokens" | "urls">,
): Promise<SignedIn | null> {
  try {
    const token = readBearer(c) ?? getCookie(c, cookieNames(deps.urls).access);
    return token === undefined ? null : await deps.tokens.verifyAccess(token);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

function readBearer(c: Context): string | undefined {
  const header = c.req.header("authorization");
  if (header === undefined) return undefined;
  const token = BEARER.exec(header)?.[1];
  if (token === undefined) {
    throw new AppError("INVALID_TOKEN", "expected Authorization: Bearer and a token");
  }
  return token;
}
