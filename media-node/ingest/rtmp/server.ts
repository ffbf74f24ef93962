/**
 * The RTMP(S) listener: every connection becomes a guarded session, and none can harm another.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Service } from "#shared/lifecycle.ts";
import type { Logger } from "#shared/log.ts";
import { ConnectionTable } from "../admission/connection-table.ts";
import { KnockMemory } from "../admission/knock-memory.ts";
import { DEFAULT_LIMITS, type IngestLimits } from "../admission/limits.ts";
import { PublishGate } from "../admission/publish-gate.ts";
import type { PublishHandler } from "../port.ts";
import { PublisherSession } from "./publisher-session.ts";

export type IngestServerOptions = {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The first segment of the publish URL's path: `rtmp://host/<app>`. */
  readonly app: string;
  readonly onPublish: PublishHandler;
  readonly log: Logger;
  /** Given: RTMPS. PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly limits?: Partial<IngestLimits>;
};

export interface IngestServer extends Service {
  /** The port listened on; 0 before `start`. */
  readonly port: number;
  /** Open connections, pending ones included. */
  readonly connections: number;
  /** Accepted publishers. */
  readonly publishers: number;
}

/** The listen address is in use or not ours to take. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  /** The system's code: `EADDRINUSE`, `EACCES` … */
  readonly code: string;
  readonly port: number;

  constructor(port: number, host: string, cause: NodeJS.ErrnoException) {
    const code = cause.code ?? "UNKNOWN";
    const why = code === "EADDRINUSE" ? "is already in use" : `cannot be listened on (${code})`;
    super(`RTMP port ${port} on ${host} ${why}`, { cause });
    this.code = code;
    this.port = port;
  }
}

const MAX_SWEEP_MS = 500;

/** An RTMP ingest server; `start` throws ListenError when its port cannot be had. */
export function createIngestServer(options: IngestServerOptions): IngestServer {
  const { host, app, onPublish } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const log = options.log.with({ part: "ingest" });
  const table = new ConnectionTable<PublisherSession>(limits);
  const gate = new PublishGate({ limits, knocks: new KnockMemory(limits), onPublish });
  let sweepTimer: ReturnType<typeof setInterval> | undefined;
  let port = 0;

  const onSocket = (socket: Socket) => {
    const onGone = (gone: PublisherSession) => table.delete(gone);
    const session = new PublisherSession({ socket, app, limits, gate, log, onGone });
    if (!table.add(session)) session.evict("no room for another connection");
  };
  const server = createListener(options, limits, onSocket);

  const shortestMs = Math.min(limits.publishDeadlineMs, limits.idleMs, limits.maxDurationMs);
  const sweepEveryMs = Math.min(MAX_SWEEP_MS, shortestMs / 4);
  let sweptAtMs = 0;
  let isPutOff = false;

  /**
   * After a time in which this process stood still (for a disk, or asleep) it first reads what was sent
   * meanwhile: a sweep that comes late is left to the next one.
   */
  const sweep = () => {
    const nowMs = performance.now();
    isPutOff = !isPutOff && nowMs - sweptAtMs > 2 * sweepEveryMs;
    sweptAtMs = nowMs;
    if (isPutOff) return;
    for (const session of table) session.enforceDeadlines(nowMs);
  };

  return {
    name: "ingest",
    get port() {
      return port;
    },
    get connections() {
      return table.size;
    },
    get publishers() {
      return [...table].filter((session) => !session.isPending).length;
    },
    async start() {
      port = await listen(server, options.port, host);
      // Out of descriptors, for instance: the connection in question is lost, the server is not.
      server.on("error", (error) => log.error("ingest.accept_failed", { error }));
      sweptAtMs = performance.now();
      sweepTimer = setInterval(sweep, sweepEveryMs);
      log.info("ingest.listening", { host, port, isTls: options.tls !== undefined });
    },
    async stop() {
      clearInterval(sweepTimer);
      const closed = close(server);
      for (const session of [...table]) session.kick();
      await closed;
    },
  };
}

function createListener(
  { tls }: IngestServerOptions,
  limits: IngestLimits,
  onSocket: (socket: Socket) => void,
): Server {
  if (tls === undefined) return createServer({ noDelay: true }, onSocket);
  const handshakeTimeout = limits.publishDeadlineMs;
  const server = createTlsServer({ ...tls, handshakeTimeout }, onSocket);
  // Sockets inside the TLS handshake are not in the table yet.
  server.maxConnections = limits.maxConnections;
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => reject(new ListenError(port, host, error));
    server.once("error", onError);
    server.listen(port, host, () => {
      server.off("error", onError);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(() => resolve());
  });
}
