/**
 * An app behind the real server of whatever runtime runs the test.
 */

export type Served = {
  /** Base URL on loopback, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly stop: () => Promise<void>;
};

type Fetch = (request: Request, env?: unknown) => Response | Promise<Response>;
type DenoServer = { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
type DenoLike = {
  serve(
    options: { port: number; hostname: string; onListen: () => void },
    handler: (request: Request, info: unknown) => Response | Promise<Response>,
  ): DenoServer;
};

/** Serves `fetch` on a free port of 127.0.0.1. */
export function serve(fetch: Fetch): Served {
  const { Deno: deno } = globalThis as { Deno?: DenoLike };
  return deno === undefined ? serveOnBun(fetch) : serveOnDeno(deno, fetch);
}

function serveOnBun(fetch: Fetch): Served {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, server) => fetch(request, server),
  });
  const port = server.port ?? 0;
  return { url: `http://127.0.0.1:${port}`, port, stop: () => server.stop(true) };
}

function serveOnDeno(deno: DenoLike, fetch: Fetch): Served {
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
  const server = deno.serve(options, (request, info) => fetch(request, info));
  const { port } = server.addr;
  return { url: `http://127.0.0.1:${port}`, port, stop: () => server.shutdown() };
}
