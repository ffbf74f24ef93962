/**
 * A line of a given rate between viewers and a server: a proxy in front of a local port. All connections
 * through it share the rate downwards, as those of one household do; upwards nothing is held back.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

const TICK_MS = 10;
/** No more than this is taken from the server ahead of the line. */
const QUEUE_BYTES = 16_384;
/** What a line that was idle may send at once, as time. */
const BURST_MS = 20;

type Connection = { readonly down: Socket; readonly up: Socket; queue: Uint8Array[] };

export class SlowLine {
  /** Bit/s of all connections together. */
  rateBps = Infinity;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #port = 0;
  #allowanceBytes = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
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
    const connection: Connection = { down, up, queue: [] };
    this.#connections.add(connection);
    down.on("data", (bytes: Uint8Array) => up.write(bytes));
    up.on("data", (bytes: Uint8Array) => {
      if (this.rateBps === Infinity && connection.queue.length === 0) return void down.write(bytes);
      connection.queue.push(bytes);
      if (queuedBytes(connection) > QUEUE_BYTES) up.pause();
    });
    for (const socket of [down, up]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.#drop(connection));
    }
    down.on("close", () => this.#drop(connection));
    up.on("close", () => {
      if (connection.queue.length === 0) this.#drop(connection);
    });
  }

  #drop(connection: Connection): void {
    this.#connections.delete(connection);
    connection.down.destroy();
    connection.up.destroy();
  }

  #send(): void {
    const perMs = this.rateBps / 8000;
    this.#allowanceBytes = Math.min(this.#allowanceBytes + perMs * TICK_MS, perMs * BURST_MS);
    const waiting = [...this.#connections].filter(({ queue }) => queue.length > 0);
    for (const [index, connection] of waiting.entries()) {
      this.#sendSome(connection, this.#allowanceBytes / (waiting.length - index));
    }
  }

  #sendSome(connection: Connection, maxBytes: number): void {
    let leftBytes = Math.floor(Math.min(maxBytes, Number.MAX_SAFE_INTEGER));
    while (leftBytes > 0) {
      const [bytes, ...rest] = connection.queue;
      if (bytes === undefined) break;
      const now = bytes.subarray(0, leftBytes);
      connection.queue = now.length < bytes.length ? [bytes.subarray(now.length), ...rest] : rest;
      connection.down.write(now);
      leftBytes -= now.length;
      this.#allowanceBytes -= now.length;
    }
    if (connection.up.closed && connection.queue.length === 0) this.#drop(connection);
    else if (queuedBytes(connection) <= QUEUE_BYTES) connection.up.resume();
  }
}

function queuedBytes({ queue }: Connection): number {
  return queue.reduce((bytes, { length }) => bytes + length, 0);
}
