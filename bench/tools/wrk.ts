/**
 * `wrk`, the load of the benches: runs it on one URL, and reads what it prints.
 */
import { pinTo } from "./pin.ts";

export type LoadFigures = {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
};

export type UrlLoad = {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
};

/** `url` asked for again and again; wrk has the second core. @throws Error as `readWrk`, or without wrk */
export async function measureUrl({ url, connections, seconds }: UrlLoad): Promise<LoadFigures> {
  const wrk = Bun.which("wrk");
  if (wrk === null) throw new Error("wrk is not installed");
  const flags = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency"];
  const child = Bun.spawn([...pinTo(1), wrk, ...flags, url], { stdout: "pipe" });
  return readWrk(await new Response(child.stdout).text());
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

/** The figures in what `wrk --latency` prints. @throws Error when any answer was not 2xx */
export function readWrk(text: string): LoadFigures {
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1];
  if (refused !== undefined) throw new Error(`${refused} answers were not 2xx`);
  const broken = /Socket errors: (.*)/.exec(text)?.[1];
  if (broken !== undefined) throw new Error(`socket errors: ${broken}`);
  const perSecond = /Requests\/sec:\s+([\d.]+)/.exec(text)?.[1];
  const [, p99, unit = ""] = /\s99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
  const requests = /^\s*(\d+) requests in /m.exec(text)?.[1];
  if (perSecond === undefined || p99 === undefined) throw new Error(`wrk printed:\n${text}`);
  return {
    requests: Number(requests),
    requestsPerSecond: Number(perSecond),
    p99Ms: Number(p99) * (UNIT_MS[unit] ?? 1),
  };
}
