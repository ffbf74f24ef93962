/**
 * Ports for programs that cannot be given port 0.
 */
import { createServer } from "node:net";

/** Below those that Linux gives to connections and to listeners on port 0. */
const PORTS = { first: 20_000, last: 32_000 };

/** So that two who ask at once do not get the same. */
const given = new Set<number>();

/** A port of 127.0.0.1 that nobody listens on, and that nobody is given by chance before it is used. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * (PORTS.last - PORTS.first));
    if (given.has(port)) continue;
    given.add(port);
    if (await canListen(port)) return port;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
