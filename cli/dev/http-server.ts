/**
 * The HTTP server of `sluice dev`: pages and API on one port.
 */
import type { Service } from "#shared/lifecycle.ts";

/** What a request is answered with; `server` tells the address it came from. */
export type ServedFetch = (
  request: Request,
  server: Bun.Server<undefined>,
) => Response | Promise<Response>;

export type HttpServerOptions = {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly fetch: ServedFetch;
};

const DRAIN_DEADLINE_MS = 3000;
/** Above the largest image, for what multipart adds; the API counts precisely while it streams. */
const MAX_BODY_BYTES = 12 * 2 ** 20;

/** Listens on `start`; `stop` answers what is being answered, then closes every connection. */
export function createHttpServer(options: HttpServerOptions): Service {
  let server: Bun.Server<undefined> | null = null;
  return {
    name: options.name,
    start: () => {
      server = Bun.serve({
        hostname: options.host,
        port: options.port,
        maxRequestBodySize: MAX_BODY_BYTES,
        idleTimeout: 60,
        fetch: options.fetch,
      });
      return Promise.resolve();
    },
    stop: async () => {
      const closing = server;
      server = null;
      if (closing === null) return;
      const timer = setTimeout(() => void closing.stop(true), DRAIN_DEADLINE_MS);
      await closing.stop(false);
      clearTimeout(timer);
    },
  };
}
