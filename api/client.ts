/**
 * A typed client of the API: paths, bodies and answers come from the routes themselves.
 */
import { hc } from "hono/client";
import type { AppType } from "./app.ts";

export type ClientOptions = {
  /** Sent as `Authorization: Bearer`; asked for at every request, so that it may change. */
  readonly accessToken?: () => string | undefined;
  /** Stands in for the global one: `app.request` in a test. */
  readonly fetch?: typeof fetch;
};

/**
 * A client of the API at `baseUrl`: `client.user.channel.videos.$post({ json: { title } })`.
 * Answers are responses; the type of `json()` follows from the status.
 */
export function createClient(baseUrl: string, options: ClientOptions = {}) {
  return hc<AppType>(baseUrl, {
    headers: (): Record<string, string> => {
      const token = options.accessToken?.();
      return token === undefined ? {} : { authorization: `Bearer ${token}` };
    },
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
}

export type Client = ReturnType<typeof createClient>;
