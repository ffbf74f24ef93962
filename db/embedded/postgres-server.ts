/**
 * A Postgres server as a child process of ours: made by `initdb`, started, watched and stopped
 * without any wrapper, from whichever binaries one has.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { sleep, withDeadline } from "#shared/retry.ts";
import { commandAs, giveTo, type Identity } from "./process-identity.ts";

/** The server could not be made, started or stopped; `output` is the end of what it printed. */
export class PostgresServerError extends Error {
  override readonly name = "PostgresServerError";
  readonly output: string;
  constructor(what: string, output: string) {
    super(output === "" ? what : `${what}:\n${output}`);
    this.output = output;
  }
}

export type ClusterOptions = {
  /** Directory with `initdb` and `postgres`. */
  readonly binDir: string;
  /** The data directory of the server. */
  readonly clusterDir: string;
  readonly identity: Identity | null;
};

export const SUPERUSER = "sluice";
const INITDB_DEADLINE_MS = 60_000;
const START_DEADLINE_MS = 30_000;
/** SIGINT: close connections, checkpoint, exit; SIGQUIT: exit at once, recover at next start. */
const STOP_LADDER = [["SIGINT", 8000], ["SIGQUIT", 3000], ["SIGKILL", 2000]] as const;
const POLL_MS = 10;
const KEPT_OUTPUT = 4000;

/**
 * Makes a new cluster whose only user is SUPERUSER with `password`, over TCP alone. It appears under
 * its name when it is complete: a killed first start leaves nothing half-made behind.
 */
export async function createCluster(
  options: ClusterOptions & { readonly password: string; readonly initdbArgs: readonly string[] },
): Promise<void> {
  const { clusterDir, identity } = options;
  const draftDir = `${clusterDir}.new`;
  const passwordFile = `${clusterDir}.password`;
  await rm(draftDir, { recursive: true, force: true });
  await mkdir(draftDir, { mode: 0o700 });
  await giveTo(identity, draftDir);
  await writeFile(passwordFile, options.password, { mode: 0o600 });
  await giveTo(identity, passwordFile);
  try {
    await runToEnd(identity, join(options.binDir, "initdb"), [
      `--pgdata=${draftDir}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      ...options.initdbArgs,
    ]);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draftDir, clusterDir);
}

async function runToEnd(identity: Identity | null, file: string, args: readonly string[]) {
  const child = spawnAs(identity, file, args, "KILL");
  const timer = setTimeout(() => child.process.kill("SIGKILL"), INITDB_DEADLINE_MS);
  const code = await child.exited;
  clearTimeout(timer);
  if (code !== 0) throw new PostgresServerError(`${file} failed with ${code}`, child.output());
}

export type ServerOptions = ClusterOptions & {
  /** As in postgresql.conf; `port` and addresses are set by us. */
  readonly settings: Readonly<Record<string, string>>;
  /** Default: a free one. */
  readonly port?: number;
};

export type RunningServer = {
  readonly port: number;
  readonly pid: number;
  /** Settles with the exit code or signal once the process is gone. */
  readonly exited: Promise<number | string>;
  /** The end of what it printed. */
  output(): string;
  /** Ends it: fast shutdown first, harder after each deadline. Idempotent. */
  stop(): Promise<void>;
};

/** Starts the server of a cluster on a loopback port and resolves when it takes connections. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const port = options.port ?? await findFreePort();
  const settings = {
    ...options.settings,
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
  };
  const child = spawnAs(options.identity, join(options.binDir, "postgres"), [
    "-D",
    options.clusterDir,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ], "INT");
  const server: RunningServer = {
    port,
    pid: child.process.pid ?? 0,
    exited: child.exited,
    output: () => child.output(),
    stop: () => stopChild(child),
  };
  try {
    await waitUntilReady(options.clusterDir, child);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

async function waitUntilReady(clusterDir: string, child: Child): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (performance.now() < deadline) {
    if (child.hasExited()) throw new PostgresServerError("postgres did not start", child.output());
    const facts = await readPidFile(clusterDir);
    if (facts?.pid === child.process.pid && facts?.isReady) return;
    await sleep(POLL_MS);
  }
  const what = `postgres was not ready after ${START_DEADLINE_MS} ms`;
  throw new PostgresServerError(what, child.output());
}

/** What `postmaster.pid` says: line 1 the process, line 8 its state. Null when there is none. */
export async function readPidFile(
  clusterDir: string,
): Promise<{ readonly pid: number; readonly isReady: boolean } | null> {
  const path = join(clusterDir, "postmaster.pid");
  if (!existsSync(path)) return null;
  const lines = (await readFile(path, "utf8").catch(() => "")).split("\n");
  const pid = Number.parseInt(lines[0] ?? "", 10);
  return Number.isNaN(pid) ? null : { pid, isReady: lines[7]?.trim() === "ready" };
}

/** A loopback port that was free a moment ago. */
async function findFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

type Child = {
  readonly process: ChildProcess;
  readonly exited: Promise<number | string>;
  hasExited(): boolean;
  output(): string;
};

function spawnAs(
  identity: Identity | null,
  file: string,
  args: readonly string[],
  deathSignal: "INT" | "KILL",
): Child {
  const command = commandAs(identity, { file, args }, deathSignal);
  const child = spawn(command.file, command.args, {
    uid: command.uid,
    gid: command.gid,
    cwd: "/",
    // Nothing of ours: no secrets, no PG* variables; C keeps the messages English.
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", "pipe", "pipe"],
    // Ctrl-C on a terminal goes to the whole group: the server must outlive those who still write.
    detached: true,
  });
  let output = "";
  const keep = (text: Buffer) => {
    output = (output + text.toString()).slice(-KEPT_OUTPUT);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  let hasExited = false;
  const exited = new Promise<number | string>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal ?? -1));
    child.once("error", (error) => {
      output += error.message;
      resolve(-1);
    });
  });
  void exited.then(() => {
    hasExited = true;
  });
  return { process: child, exited, hasExited: () => hasExited, output: () => output.trim() };
}

async function stopChild(child: Child): Promise<void> {
  for (const [signal, deadlineMs] of STOP_LADDER) {
    if (child.hasExited()) return;
    child.process.kill(signal);
    await withDeadline("the stop", deadlineMs, child.exited).catch(() => {});
  }
}
