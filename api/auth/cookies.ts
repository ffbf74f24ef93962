/**
 * The two cookies of a login, and the rule about who may write with them.
 */
import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { AppError } from "#shared/errors.ts";
import type { ApiEnv, Deps, PublicUrls } from "../deps.ts";
import { ACCESS_TOKEN_S, REFRESH_TOKEN_S } from "./tokens.ts";

/** Cookie names; over https with the `__Host-` prefix, which browsers tie to this very host. */
export function cookieNames(urls: Pick<PublicUrls, "api">) {
  const prefix = isSecure(urls) ? "__Host-" : "";
  return { access: `${prefix}accessToken`, refresh: `${prefix}refreshToken` };
}

export type TokenPair = { readonly accessToken: string; readonly refreshToken: string };

/** Sets both cookies, or ends them when `tokens` is null. */
export function setTokenCookies(c: Context, urls: PublicUrls, tokens: TokenPair | null): void {
  const names = cookieNames(urls);
  const options = { httpOnly: true, sameSite: "Lax", path: "/", secure: isSecure(urls) } as const;
  const maxAge = tokens === null ? { access: 0, refresh: 0 } : {
    access: ACCESS_TOKEN_S,
    refresh: REFRESH_TOKEN_S,
  };
  setCookie(c, names.access, tokens?.accessToken ?? "", { ...options, maxAge: maxAge.access });
  setCookie(c, names.refresh, tokens?.refreshToken ?? "", { ...options, maxAge: maxAge.refresh });
}

/** The refresh token of the cookie. */
export function readRefreshCookie(c: Context, urls: PublicUrls): string | undefined {
  return getCookie(c, cookieNames(urls).refresh);
}

/**
 * Refuses writes that ride on our cookies from someone else's page: what the browser says about
 * where the request comes from must name us, and `text/plain`, which a foreign form can send without
 * asking, is never taken.
 * @throws AppError CROSS_ORIGIN_WRITE
 */
export function refuseForeignWrites(
  deps: Pick<Deps, "urls" | "trustedOrigins">,
): MiddlewareHandler<ApiEnv> {
  const ours = new Set([new URL(deps.urls.api).origin, ...deps.trustedOrigins]);
  const names = cookieNames(deps.urls);
  return (c, next) => {
    const { method } = c.req;
    if (method === "GET" || method === "HEAD" || method === "OPTIONS") return next();
    const cookies = c.req.header("cookie");
    const carriesOurs = cookies?.includes(names.access) || cookies?.includes(names.refresh);
    if (carriesOurs && c.req.header("authorization") === undefined) checkWrite(c, ours);
    return next();
  };
}

function checkWrite(c: Context, ours: ReadonlySet<string>): void {
  if (c.req.header("content-type")?.trim().toLowerCase().startsWith("text/plain")) {
    throw new AppError("CROSS_ORIGIN_WRITE", "text/plain is not accepted with cookies");
  }
  const origin = c.req.header("origin");
  const site = c.req.header("sec-fetch-site");
  // Over plain http on a LAN the browser sends no Sec-Fetch-Site, and the address is not the public one.
  const isOurs = origin === undefined || ours.has(origin) || isHostOf(origin, c.req.header("host"));
  const isNear = site === undefined || site === "same-origin" || site === "none" ||
    (origin !== undefined && ours.has(origin));
  if (isOurs && isNear) return;
  throw new AppError(
    "CROSS_ORIGIN_WRITE",
    `a page of ${origin ?? "another site"} may not write with our cookies; use a bearer token`,
  );
}

function isHostOf(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

function isSecure(urls: Pick<PublicUrls, "api">): boolean {
  return urls.api.startsWith("https:");
}
