/**
 * A media node as a process of its own, for tests that kill it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { until } from "./until.ts";

const MAIN = fileURLToPath(import.meta.resolve("#media-node/main.ts"));
const TOKEN = "service-token-service-token-service";

export type NodePorts = { readonly rtmp: number; readonly hls: number };

export type NodeProcess = {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  /** The exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Where it listens, once it does. */
  readonly ports: () => Promise<NodePorts>;
};

export type NodeProcessOptions = {
  readonly dataDir: string;
  readonly controlUrl: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** Starts `media-node/main.ts` on free ports of the loopback, with a ladder of one small rung. */
export function startNodeProcess(options: NodeProcessOptions): NodeProcess {
  const child = spawn(process.execPath, [MAIN], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"] ?? "",
      SLUICE_DATA_DIR: options.dataDir,
      SLUICE_SERVICE_TOKEN: TOKEN,
      CONTROL_URL: options.controlUrl,
      HOST: "127.0.0.1",
      RTMP_PORT: "0",
      HLS_PORT: "0",
      LADDER: "low=90@200",
      ...options.env,
    },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => stdout += String(chunk));
  child.stderr.on("data", (chunk) => stderr += String(chunk));
  return {
    child,
    stderr: () => stderr,
    exited: new Promise<number | null>((resolve) => child.on("close", (code) => resolve(code))),
    ports: async () => JSON.parse(await until(() => stdout, 15_000)) as NodePorts,
  };
}
