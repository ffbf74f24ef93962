/**
 * What `createApp` needs from the outside: everything impure arrives here, so a test builds the same
 * app from a throwaway database and a temporary directory.
 */
import type { Kysely } from "kysely";
import type { Database } from "#db/schema.ts";
import type { Logger } from "#shared/log.ts";
import type { Storage } from "#shared/storage/port.ts";
import type { AttemptLimit } from "./auth/attempt-limit.ts";
import type { PasswordHasher } from "./auth/password.ts";
import type { StreamKeys } from "./auth/stream-keys.ts";
import type { Tokens } from "./auth/tokens.ts";

/** Where the outside reaches us: base URLs without a trailing slash. */
export type PublicUrls = {
  /** `http://localhost:8000` */
  readonly api: string;
  /** `rtmp://localhost:1935/streaming` */
  readonly rtmp: string;
  /** `http://localhost:8080` */
  readonly hls: string;
};

/** `verify` and `end` for an nginx-rtmp in front. Off while both are empty. */
export type NginxRtmpAccess = {
  /** The `secret` argument of its callbacks. */
  readonly secret: string | null;
  /** Addresses it may call from without the secret. */
  readonly allow: readonly string[];
};

/** A file of the reference page, handed in so that an edge needs no file system. */
export type Asset = {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
};

export type Deps = {
  readonly db: Kysely<Database>;
  readonly storage: Storage;
  readonly tokens: Tokens;
  readonly streamKeys: StreamKeys;
  readonly passwords: PasswordHasher;
  /** Failed logins by account and address. */
  readonly loginAttempts: AttemptLimit;
  readonly urls: PublicUrls;
  /** What media node and resizer present at `/control/*`. */
  readonly serviceToken: string;
  readonly nginxRtmp: NginxRtmpAccess;
  /** Origins of other sites whose pages may call us with the user's cookies. */
  readonly trustedOrigins: readonly string[];
  /** Whether jobs flow; null where another process runs the relay. */
  readonly queue: { isConnected(): boolean } | null;
  /** Called after a job was written to the outbox, so that the relay need not wait for its turn. */
  readonly onJob?: () => void;
  /** A file of the reference page by its name; null when there is none. */
  readonly readDocsAsset: (name: string) => Promise<Asset | null>;
  /** The address a request came from; `env` is what the runtime's server hands to `fetch`. */
  readonly remoteAddress: (request: Request, env: unknown) => string;
  readonly clock: () => Date;
  readonly log: Logger;
};

/** Who is signed in, from a verified access token. */
export type SignedIn = {
  readonly userId: string;
  /** The refresh family of the login. */
  readonly sessionId: string;
};

/** Hono's view of a request of ours. */
export type ApiEnv = {
  Variables: {
    requestId: string;
    /** Set by `requireUser`. */
    user: SignedIn;
  };
};
