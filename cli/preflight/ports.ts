/**
 * Are our ports free, and if not, who has them?
 */
import { createServer } from "node:net";
import { findPortHolder } from "./port-holder.ts";
import { bad, type CheckResult, good } from "./check.ts";

export type PortWish = {
  /** 0: any free port. */
  readonly port: number;
  /** The flag that moves it. */
  readonly flag: string;
};

/** Tries to listen on `port`; resolves with the port it got, rejects as `listen` does. */
export function tryListen(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const got = typeof address === "object" && address !== null ? address.port : port;
      server.close(() => resolve(got));
    });
  });
}

/** The port to use: the wished one, or for 0 one that is free now. */
export async function choosePort(host: string, port: number): Promise<number> {
  return port === 0 ? await tryListen(host, 0) : port;
}

/** One result per wish; a taken port names its holder and the flag that moves ours. */
export async function checkPorts(
  host: string,
  wishes: readonly PortWish[],
): Promise<readonly CheckResult[]> {
  return await Promise.all(wishes.map((wish) => checkPort(host, wish)));
}

async function checkPort(host: string, { port, flag }: PortWish): Promise<CheckResult> {
  const name = `port ${port}`;
  try {
    await tryListen(host, port);
    return good(name, "free");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const other = `choose another with ${flag} (0: any free one)`;
    if (code === "EADDRINUSE") {
      const holder = await findPortHolder(port);
      const who = holder === null ? "another process" : `${holder.name} (pid ${holder.pid})`;
      return bad(name, "failed", `taken by ${who}`, `stop it, or ${other}`);
    }
    if (code === "EACCES") return bad(name, "failed", "needs more rights than we have", other);
    return bad(name, "failed", `cannot listen on ${host}: ${code}`, `check --host, or ${other}`);
  }
}
