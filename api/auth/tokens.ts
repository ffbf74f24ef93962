/**
 * Access tokens (signed, short, not stored) and refresh tokens (random, stored hashed).
 * @see RFC 7519
 */
import { sign, verify } from "hono/jwt";
import { AppError } from "#shared/errors.ts";
import { deriveKey } from "#shared/keys.ts";
import type { SignedIn } from "../deps.ts";

export const ACCESS_TOKEN_S = 20 * 60;
export const REFRESH_TOKEN_S = 7 * 24 * 60 * 60;
/** A spent refresh token is still answered for this long: the first answer may have been lost. */
export const REFRESH_GRACE_MS = 10_000;

const ISSUER = "sluice";
const AUDIENCE = "sluice-api";
const ALGORITHM = "HS256";
const HMAC = { name: "HMAC", hash: "SHA-256" };
const MAX_TOKEN_LENGTH = 2048;
const MAX_CACHED = 5000;
const utf8 = new TextEncoder();

export type Tokens = {
  issueAccess(who: SignedIn): Promise<string>;
  /** Who the token speaks for. @throws AppError INVALID_TOKEN */
  verifyAccess(token: string): SignedIn | Promise<SignedIn>;
  /** Refuses this session's access tokens from now on, in this process. */
  revokeSession(sessionId: string): void;
  newRefresh(): string;
  /** The successor of a refresh token: always the same one, so a repeated refresh mints nothing. */
  nextRefresh(token: string): Promise<string>;
  /** SHA-256: what the database stores of a refresh token. */
  hashRefresh(token: string): Promise<Uint8Array>;
};

type Verified = { readonly who: SignedIn; readonly expiresAtS: number };

/** Tokens under keys derived from SLUICE_SECRET. */
export async function createTokens(secret: string, clock: () => Date): Promise<Tokens> {
  const accessKey = await hmacKey(await deriveKey(secret, "access-token"), ["sign", "verify"]);
  const refreshKey = await hmacKey(await deriveKey(secret, "refresh-token"), ["sign"]);
  const cache = new Map<string, Verified>();
  const revoked = new Map<string, number>();
  const nowS = () => clock().getTime() / 1000;

  const check = ({ who, expiresAtS }: Verified): SignedIn => {
    if (expiresAtS <= nowS()) throw invalid("it has expired");
    if (revoked.has(who.sessionId)) throw invalid("its session has ended");
    return who;
  };

  const verifyNew = async (token: string): Promise<SignedIn> => {
    const verified = await verifyAccess(accessKey, token);
    keepBounded(cache, MAX_CACHED);
    cache.set(token, verified);
    return check(verified);
  };

  return {
    issueAccess: ({ userId, sessionId }) => {
      const issuedAtS = Math.floor(nowS());
      const claims = { sub: userId, sid: sessionId, typ: "access", iss: ISSUER, aud: AUDIENCE };
      return sign({ ...claims, iat: issuedAtS, exp: issuedAtS + ACCESS_TOKEN_S }, accessKey);
    },
    verifyAccess: (token) => {
      const known = cache.get(token);
      return known === undefined ? verifyNew(token) : check(known);
    },
    revokeSession: (sessionId) => {
      for (const [id, untilS] of revoked) if (untilS <= nowS()) revoked.delete(id);
      revoked.set(sessionId, nowS() + ACCESS_TOKEN_S);
    },
    newRefresh: () => `rt_${base64Url(crypto.getRandomValues(new Uint8Array(32)))}`,
    nextRefresh: async (token) => {
      const bytes = await crypto.subtle.sign("HMAC", refreshKey, utf8.encode(token));
      return `rt_${base64Url(new Uint8Array(bytes))}`;
    },
    hashRefresh: async (token) =>
      new Uint8Array(await crypto.subtle.digest("SHA-256", utf8.encode(token))),
  };
}

function hmacKey(bytes: Uint8Array<ArrayBuffer>, usages: KeyUsage[]): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, HMAC, false, usages);
}

async function verifyAccess(key: CryptoKey, token: string): Promise<Verified> {
  if (token.length > MAX_TOKEN_LENGTH) throw invalid("it is too long");
  let claims: Record<string, unknown>;
  try {
    // Times are checked against our own clock, each time the token is used.
    claims = await verify(token, key, {
      alg: ALGORITHM,
      iss: ISSUER,
      aud: AUDIENCE,
      exp: false,
      iat: false,
    });
  } catch (error) {
    throw invalid("its signature or claims do not hold", error);
  }
  const { sub, sid, typ, exp } = claims;
  if (typ !== "access" || typeof sub !== "string" || typeof sid !== "string") {
    throw invalid("it is not an access token");
  }
  if (typeof exp !== "number") throw invalid("it never expires");
  return { who: { userId: sub, sessionId: sid }, expiresAtS: exp };
}

/** Drops the oldest entries of `map` until one more fits. */
function keepBounded(map: Map<string, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size < max) return;
    map.delete(key);
  }
}

function invalid(why: string, cause?: unknown): AppError {
  return new AppError("INVALID_TOKEN", `the token is refused: ${why}`, { cause });
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
