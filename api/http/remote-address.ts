/**
 * Where a request came from, as the server that took it tells.
 */

/** What Bun hands to `fetch`. */
type AsksServer = { requestIP(request: Request): { readonly address: string } | null };
/** What Deno hands to its handler. */
type KnowsAddress = { readonly remoteAddr: { readonly hostname: string } };

/**
 * The peer's IP address, asked for only where it is needed. `env` is the second argument that Bun
 * and Deno pass to a handler; elsewhere the answer is `unknown`, and limits per address hold for
 * all callers together.
 */
export function readRemoteAddress(request: Request, env: unknown): string {
  if (isServer(env)) return env.requestIP(request)?.address ?? "unknown";
  if (hasAddress(env)) return env.remoteAddr.hostname;
  return "unknown";
}

function isServer(env: unknown): env is AsksServer {
  return typeof env === "object" && env !== null && "requestIP" in env;
}

function hasAddress(env: unknown): env is KnowsAddress {
  return typeof env === "object" && env !== null && "remoteAddr" in env &&
    typeof env.remoteAddr === "object" && env.remoteAddr !== null && "hostname" in env.remoteAddr;
}
