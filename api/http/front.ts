/**
 * What every request passes through first: its id, the headers of every answer, its line in the log.
 */
import type { Context, MiddlewareHandler } from "hono";
import type { ApiEnv, Deps } from "../deps.ts";

// An answer of the API is data: it may load nothing, run nothing and be framed by nobody.
const API_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const REQUEST_ID = /^[\w.-]{1,64}$/;
const EXPOSED = "Link, Location, Retry-After, X-Request-Id";
const ALLOWED_HEADERS = "authorization, content-type, range, x-request-id";
const ALLOWED_METHODS = "GET, HEAD, POST, PATCH, DELETE";

/** Sets request id, security and CORS headers; logs each request at debug. */
export function front(
  deps: Pick<Deps, "log" | "urls" | "trustedOrigins">,
): MiddlewareHandler<ApiEnv> {
  const trusted = new Set(deps.trustedOrigins);
  const isSecure = deps.urls.api.startsWith("https:");
  const nextId = createRequestIds();
  return async (c, next): Promise<Response | void> => {
    const given = c.req.header("x-request-id");
    const requestId = given !== undefined && REQUEST_ID.test(given) ? given : nextId();
    c.set("requestId", requestId);
    c.header("x-request-id", requestId);
    c.header("x-content-type-options", "nosniff");
    c.header("content-security-policy", API_CSP);
    c.header("referrer-policy", "no-referrer");
    if (isSecure) c.header("strict-transport-security", "max-age=31536000");
    const origin = c.req.header("origin");
    if (origin !== undefined) {
      allowOrigin(c, origin, trusted);
      if (isPreflight(c)) return answerPreflight(c);
    }
    const startedAt = performance.now();
    await next();
    deps.log.debug("request.served", {
      requestId,
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      ms: Math.round((performance.now() - startedAt) * 10) / 10,
    });
  };
}

/** Ids unique for this process by a random prefix: cheaper than a UUID for each request. */
function createRequestIds(): () => string {
  const prefix = crypto.randomUUID().slice(0, 8);
  let count = 0;
  return () => `${prefix}-${(count += 1).toString(36)}`;
}

/** Any page may call us with a bearer token; with the user's cookies only those of trusted origins. */
function allowOrigin(c: Context, origin: string, trusted: ReadonlySet<string>): void {
  if (trusted.has(origin)) {
    c.header("access-control-allow-origin", origin);
    c.header("access-control-allow-credentials", "true");
    c.header("vary", "Origin");
  } else {
    c.header("access-control-allow-origin", "*");
  }
  c.header("access-control-expose-headers", EXPOSED);
}

function isPreflight(c: Context): boolean {
  return c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined;
}

function answerPreflight(c: Context): Response {
  c.header("access-control-allow-methods", ALLOWED_METHODS);
  c.header("access-control-allow-headers", ALLOWED_HEADERS);
  c.header("access-control-max-age", "600");
  return c.body(null, 204);
}
