/**
 * The playback server: the handler behind Bun's HTTP server, with limits and a drain.
 */
import type { Server } from "bun";
import type { Service } from "#shared/lifecycle.ts";
import { handlePlayback, type PlaybackDeps } from "./handler.ts";
import { SharedReloads } from "./shared-reloads.ts";
import { ReadyFiles } from "./ready-files.ts";
import { problemReply, type Reply } from "./reply.ts";
import { toResponse } from "./to-response.ts";

export type PlaybackServerOptions = PlaybackDeps & {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Requests that are being answered or wait, at most; further ones are refused. Default 20 000. */
  readonly maxRequests?: number;
};

/** A service that knows where it listens. */
export interface PlaybackServer extends Service {
  /** The port it was given by the system once it is started. */
  readonly port: number;
}

/** The playback address is in use or not ours to take. */
export class PlaybackListenError extends Error {
  override readonly name = "PlaybackListenError";
  /** The system's code: `EADDRINUSE`, `EACCES` … */
  readonly code: string;
  readonly port: number;

  constructor(port: number, host: string, cause: NodeJS.ErrnoException) {
    const code = cause.code ?? "UNKNOWN";
    const why = code === "EADDRINUSE" ? "is already in use" : `cannot be listened on (${code})`;
    super(`playback port ${port} on ${host} ${why}`, { cause });
    this.code = code;
    this.port = port;
  }
}

const MAX_REQUESTS = 20_000;
/** A socket on which nothing moves for this long is closed; longer than any blocking reload. */
const IDLE_SOCKET_S = 60;
/** A socket that is cut is closed as soon as the server can, whether its reader reads or not. */
const CUT_SOCKET_S = 1;
/** Bodies are not read, but a request that has one is to be told that its method is wrong. */
const MAX_BODY_BYTES = 65_536;
/** How long readers may go on once the server stops. */
const DRAIN_MS = 2000;

/** A playback server; `start` throws PlaybackListenError when its port cannot be had. */
export function createPlaybackServer(options: PlaybackServerOptions): PlaybackServer {
  return new HttpPlaybackServer(options);
}

type HttpServer = Server<undefined>;

class HttpPlaybackServer implements PlaybackServer {
  readonly name = "playback";
  readonly #options: PlaybackServerOptions;
  readonly #ready = new ReadyFiles();
  #server: HttpServer | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: PlaybackServerOptions) {
    this.#options = { reloads: new SharedReloads(), ...options };
  }

  get port(): number {
    return this.#server?.port ?? this.#options.port;
  }

  start(): Promise<void> {
    const { host, port, log } = this.#options;
    try {
      this.#server = Bun.serve({
        hostname: host,
        port,
        idleTimeout: IDLE_SOCKET_S,
        // Else two servers share a port without a word, and each gets half of the viewers.
        reusePort: false,
        maxRequestBodySize: MAX_BODY_BYTES,
        // No page that shows an error's stack.
        development: false,
        fetch: (request, server) => {
          const target = targetOf(request.url);
          return this.#findReady(request, target) ?? this.#serve(request, server, target);
        },
      });
    } catch (error) {
      return Promise.reject(new PlaybackListenError(port, host, error as NodeJS.ErrnoException));
    }
    log.info("playback.listening", { host, port: this.port });
    return Promise.resolve();
  }

  /** Answers everybody who waits, lets replies that are under way finish (bounded), then closes. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    const closed = server.stop();
    this.#options.live.releaseWaiters();
    const timer = setTimeout(() => void server.stop(true), DRAIN_MS);
    await closed;
    clearTimeout(timer);
  }

  /** The response to a plain GET of a file that was asked for a moment ago. */
  #findReady(request: Request, target: string): Response | null {
    const file = request.method === "GET" ? this.#ready.find(target) : undefined;
    if (file === undefined) return null;
    const { headers } = request;
    if (headers.has("range") || headers.has("if-none-match")) return null;
    return new Response(file.content, { headers: file.headers });
  }

  /** As few promises as can be: a part is the moment at which everybody is answered. */
  #serve(request: Request, server: HttpServer, target: string): Promise<Response> {
    const { maxRequests = MAX_REQUESTS } = this.#options;
    const { method } = request;
    const respond = (reply: Reply) => this.#respond(reply, request, server);
    if (server.pendingRequests > maxRequests) {
      const reply = problemReply("UNAVAILABLE", "Too many requests wait here already.", 2);
      return Promise.resolve(respond(reply));
    }
    const header = (name: string) => request.headers.get(name) ?? undefined;
    const viewer = viewerOf(request, server);
    return handlePlayback(this.#options, { method, target, header, viewer }).then(
      (reply) => {
        const response = respond(reply);
        if (method === "GET") this.#ready.keep(target, reply, response);
        return response;
      },
      (error: unknown) => {
        this.#options.log.error("playback.request_failed", { error });
        return respond(problemReply("INTERNAL", "The reply could not be made."));
      },
    );
  }

  #respond(reply: Reply, request: Request, server: HttpServer): Response {
    return toResponse(reply, {
      onFailed: (error) => this.#options.log.error("playback.request_failed", { error }),
      onCut: () => server.timeout(request, CUT_SOCKET_S),
    });
  }
}

/** Path and query; the server leaves the host out where it makes no sense. */
function targetOf(url: string): string {
  return url.startsWith("/") ? url : url.slice(url.indexOf("/", url.indexOf("://") + 3));
}

function viewerOf(request: Request, server: HttpServer): string {
  const agent = request.headers.get("user-agent")?.slice(0, 200) ?? "";
  return `${server.requestIP(request)?.address ?? ""} ${agent}`;
}
