/**
 * The playback server: the handler behind node:http, with limits and a drain.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Service } from "#shared/lifecycle.ts";
import { handlePlayback, type PlaybackDeps } from "./handler.ts";
import { SharedReloads } from "./shared-reloads.ts";
import { COMMON_HEADERS, problemReply, type Reply } from "./reply.ts";

export type PlaybackServerOptions = PlaybackDeps & {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
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

const MAX_CONNECTIONS = 20_000;
/** A socket on which nothing moves for this long is closed; longer than any blocking reload. */
const IDLE_SOCKET_MS = 60_000;
/** How long readers may go on once the server stops. */
const DRAIN_MS = 2000;

/** A playback server; `start` throws PlaybackListenError when its port cannot be had. */
export function createPlaybackServer(options: PlaybackServerOptions): PlaybackServer {
  return new HttpPlaybackServer(options);
}

class HttpPlaybackServer implements PlaybackServer {
  readonly name = "playback";
  readonly #options: PlaybackServerOptions;
  readonly #server: Server;
  #stopping: Promise<void> | null = null;

  constructor(options: PlaybackServerOptions) {
    this.#options = { reloads: new SharedReloads(), ...options };
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.keepAliveTimeout = IDLE_SOCKET_MS;
    this.#server.setTimeout(IDLE_SOCKET_MS);
    this.#server.headersTimeout = 10_000;
    this.#server.requestTimeout = 15_000;
  }

  get port(): number {
    const address = this.#server.address() as AddressInfo | null;
    return address?.port ?? this.#options.port;
  }

  async start(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error) => reject(new PlaybackListenError(port, host, error));
      this.#server.once("error", refuse);
      this.#server.listen(port, host, () => {
        this.#server.off("error", refuse);
        resolve();
      });
    });
    this.#server.on("error", (error) => this.#options.log.error("playback.failed", { error }));
    this.#options.log.info("playback.listening", { host, port: this.port });
  }

  /** Answers everybody who waits, lets replies that are under way finish (bounded), then closes. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#options.live.releaseWaiters();
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), DRAIN_MS);
    await closed;
    clearTimeout(timer);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => response.destroy());
    request.resume();
    try {
      const reply = await handlePlayback(this.#options, {
        method: request.method ?? "GET",
        target: request.url ?? "/",
        header: (name) => headerOf(request, name),
        viewer: viewerOf(request),
      });
      await send(response, reply, request.method === "HEAD");
    } catch (error) {
      this.#options.log.error("playback.request_failed", { error });
      if (response.headersSent) response.destroy();
      else {
        await send(response, problemReply("INTERNAL", "The reply could not be made."), false);
      }
    }
  }
}

async function send(response: ServerResponse, reply: Reply, isHead: boolean): Promise<void> {
  const { status, headers, body } = reply;
  if (response.destroyed) {
    if (body?.kind === "stream") await body.stream.cancel();
    return;
  }
  const sized = body?.kind === "bytes"
    ? { "content-length": String(body.chunks.reduce((sum, chunk) => sum + chunk.length, 0)) }
    : {};
  response.writeHead(status, { ...COMMON_HEADERS, ...headers, ...sized });
  if (body?.kind === "bytes" && !isHead) {
    // The head goes out with the last chunk: a playlist is one write.
    for (const chunk of body.chunks.slice(0, -1)) await write(response, chunk);
    response.end(body.chunks.at(-1));
    return;
  }
  if (body?.kind === "stream") await copyStream(response, body.stream, body.cut);
  response.end();
}

async function copyStream(
  response: ServerResponse,
  stream: ReadableStream<Uint8Array>,
  cut?: AbortSignal,
): Promise<void> {
  const reader = stream.getReader();
  cut?.addEventListener("abort", () => response.destroy(), { once: true });
  // A reader that leaves while nothing comes would otherwise be noticed with the next bytes.
  response.once("close", () => void reader.cancel().catch(() => {}));
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || response.destroyed) break;
      await write(response, value);
    }
  } finally {
    await reader.cancel();
  }
}

/** Resolves when more may be written, or when nobody reads any more. */
async function write(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  if (response.destroyed || response.write(chunk)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function viewerOf(request: IncomingMessage): string {
  const agent = request.headers["user-agent"]?.slice(0, 200) ?? "";
  return `${request.socket.remoteAddress ?? ""} ${agent}`;
}
