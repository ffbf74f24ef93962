/**
 * A line between viewers and a server that is slow, far or bad: a proxy in front of a local port. All
 * connections through it share the rate downwards, as those of one household do; upwards nothing is
 * held back.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

const TICK_MS = 10;
/** No more than this is taken from the server ahead of the line. */
const QUEUE_BYTES = 16_384;
/** What a line that was idle may send at once, as time. */
const BURST_MS = 20;

/** A connection that is cut within an answer is cut after at most so much of it. */
const MAX_CUT_AFTER_BYTES = 8000;

type Queued = { readonly bytes: Uint8Array; readonly dueAtMs: number };

type Connection = {
  readonly down: Socket;
  readonly up: Socket;
  /** By then it is open at both ends. */
  readonly opensAtMs: number;
  queue: readonly Queued[];
  /** Requests that wait for the line to speak again. */
  held: readonly Uint8Array[];
  /** So much more comes through before it is cut; Infinity: it is not. */
  leftBytes: number;
};

export class SlowLine {
  /** Bit/s of all connections together. */
  rateBps = Infinity;
  /** From a question to its answer, and as long again for a connection to open. */
  delayMs = 0;
  /** The share of requests whose connection is reset: before the answer begins, or within it. */
  cutShare = 0;
  /** Requests that were cut. */
  cuts = 0;
  /** Nothing comes through either way, and nobody is told; what was sent comes later. */
  isSilent = false;
  readonly #random: () => number;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #port = 0;
  #allowanceBytes = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `seed` says which requests are cut. */
  constructor(seed = 1) {
    this.#random = randomFrom(seed);
    this.#server = createServer((down) => this.#accept(down));
  }

  /** The port that viewers connect to. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#timer = setInterval(() => this.#send(), TICK_MS);
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port to listen on");
    return address.port;
  }

  /** Where it leads to. */
  leadTo(port: number): void {
    this.#port = port;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const connection of this.#connections) this.#drop(connection);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(down: Socket): void {
    const up = connect(this.#port, "127.0.0.1");
    const opensAtMs = performance.now() + this.delayMs;
    const connection: Connection = {
      down,
      up,
      opensAtMs,
      queue: [],
      held: [],
      leftBytes: Infinity,
    };
    this.#connections.add(connection);
    down.on("data", (bytes: Uint8Array) => this.#ask(connection, bytes));
    up.on("data", (bytes: Uint8Array) => this.#answer(connection, bytes));
    for (const socket of [down, up]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.#drop(connection));
    }
    down.on("close", () => this.#drop(connection));
    up.on("close", () => {
      if (connection.queue.length === 0) this.#drop(connection);
    });
  }

  /** Browsers write each request at once. */
  #ask(connection: Connection, bytes: Uint8Array): void {
    if (this.isSilent) {
      connection.held = [...connection.held, bytes];
      return;
    }
    if (this.#random() < this.cutShare) {
      this.cuts += 1;
      connection.leftBytes = Math.floor(Math.max(0, this.#random() * 2 - 1) * MAX_CUT_AFTER_BYTES);
      if (connection.leftBytes === 0) return this.#reset(connection);
    }
    const opensInMs = connection.opensAtMs - performance.now();
    if (opensInMs <= 0) connection.up.write(bytes);
    else setTimeout(() => connection.up.write(bytes), opensInMs);
  }

  #answer(connection: Connection, bytes: Uint8Array): void {
    const isFree = this.rateBps === Infinity && this.delayMs === 0 && !this.isSilent;
    if (isFree && connection.queue.length === 0) return this.#pass(connection, bytes);
    const dueAtMs = performance.now() + this.delayMs;
    connection.queue = [...connection.queue, { bytes, dueAtMs }];
    if (queuedBytes(connection) > this.#queueBytes) connection.up.pause();
  }

  /** What is on its way on a line that is long is no queue. */
  get #queueBytes(): number {
    const underWay = this.delayMs === 0 ? 0 : Math.min(this.rateBps, 1e8) / 8000 * this.delayMs;
    return QUEUE_BYTES + underWay;
  }

  #pass(connection: Connection, bytes: Uint8Array): void {
    connection.down.write(bytes.subarray(0, connection.leftBytes));
    connection.leftBytes -= bytes.length;
    if (connection.leftBytes <= 0) this.#reset(connection);
  }

  #reset(connection: Connection): void {
    connection.down.resetAndDestroy();
    this.#drop(connection);
  }

  #drop(connection: Connection): void {
    this.#connections.delete(connection);
    connection.down.destroy();
    connection.up.destroy();
  }

  #send(): void {
    if (this.isSilent) return;
    for (const connection of this.#connections) {
      const { held } = connection;
      connection.held = [];
      for (const bytes of held) this.#ask(connection, bytes);
    }
    const perMs = Math.min(this.rateBps, Number.MAX_SAFE_INTEGER) / 8000;
    this.#allowanceBytes = Math.min(this.#allowanceBytes + perMs * TICK_MS, perMs * BURST_MS);
    const nowMs = performance.now();
    const waiting = [...this.#connections].filter(({ queue }) =>
      queue[0] !== undefined && queue[0].dueAtMs <= nowMs
    );
    for (const [index, connection] of waiting.entries()) {
      this.#sendSome(connection, this.#allowanceBytes / (waiting.length - index), nowMs);
    }
  }

  #sendSome(connection: Connection, maxBytes: number, nowMs: number): void {
    let leftBytes = Math.floor(maxBytes);
    while (leftBytes > 0) {
      const [first, ...rest] = connection.queue;
      if (first === undefined || first.dueAtMs > nowMs) break;
      const now = first.bytes.subarray(0, leftBytes);
      const later = { ...first, bytes: first.bytes.subarray(now.length) };
      connection.queue = later.bytes.length > 0 ? [later, ...rest] : rest;
      this.#pass(connection, now);
      leftBytes -= now.length;
      this.#allowanceBytes -= now.length;
    }
    if (connection.up.closed && connection.queue.length === 0) this.#drop(connection);
    else if (queuedBytes(connection) <= this.#queueBytes) connection.up.resume();
  }
}

function queuedBytes({ queue }: Connection): number {
  return queue.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
