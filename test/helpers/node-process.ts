/**
 * A media node as a process of its own, for tests that kill it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach } from "vitest";
import { ControlServer, type ControlServerOptions } from "./control-server.ts";
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

/** What each test of a file has of its own: a data folder, the API's routes, and nodes to kill. */
export type NodeProcessSite = {
  readonly folder: string;
  readonly control: ControlServer;
  readonly startNode: (env?: Readonly<Record<string, string>>) => NodeProcess;
};

/** Call it at the top of a test file; its fields are those of the test that runs. */
export function useNodeProcesses(options: ControlServerOptions): NodeProcessSite {
  const started: NodeProcess[] = [];
  let folder = "";
  let control = new ControlServer(options);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "node-process-"));
    control = new ControlServer(options);
    await control.up();
  });

  afterEach(async () => {
    for (const { child } of started) child.kill("SIGKILL");
    await Promise.all(started.splice(0).map(({ exited }) => exited));
    await control.down();
    await rm(folder, { recursive: true, force: true });
  });

  return {
    get folder() {
      return folder;
    },
    get control() {
      return control;
    },
    startNode: (env = {}) => {
      const node = startNodeProcess({ dataDir: folder, controlUrl: control.url, env });
      started.push(node);
      return node;
    },
  };
}
