/**
 * The servers under test, each as its users run it: ours on Bun by its entry file, NestJS + Prisma
 * on Node, bare Hono + postgres.js on Bun.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { deriveKey } from "#shared/keys.ts";
import { withDeadline } from "#shared/retry.ts";
import { findFreePort } from "#test/helpers/free-port.ts";

export const SERVER_NAMES = ["sluice", "nest", "bare"] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export type Server = {
  readonly name: ServerName;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
};

const ROOT = join(import.meta.dirname, "../..");
const PEER = join(ROOT, "bench/peers/api");
const READY_DEADLINE_MS = 30_000;

const COMMANDS: Readonly<Record<ServerName, readonly string[]>> = {
  sluice: [process.execPath, join(ROOT, "api/main.ts")],
  nest: ["node", join(PEER, "dist/main.js")],
  bare: [process.execPath, join(PEER, "bare.ts")],
};

/** Installs and builds what is compared with; quick when it was done before. */
export async function preparePeers(): Promise<void> {
  await run([process.execPath, "install", "--frozen-lockfile"], {});
  // Prisma's `generate` wants a schema engine binary but does not run it.
  await run([process.execPath, "run", "build"], { PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true" });
  if (!existsSync(join(PEER, "dist/main.js"))) throw new Error(`${PEER} was not built`);
}

async function run(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, {
    cwd: PEER,
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let talk = "";
  child.stderr.on("data", (text: Buffer) => {
    talk = (talk + text.toString()).slice(-4000);
  });
  const [code]: unknown[] = await once(child, "exit");
  if (code !== 0) throw new Error(`${argv.join(" ")} failed with ${String(code)}:\n${talk}`);
}

export type ServerOptions = {
  readonly databaseUrl: string;
  readonly secret: string;
  readonly serviceToken: string;
  readonly dataDir: string;
  /** Put in front of the command: pins it to its cores. */
  readonly prefix: readonly string[];
};

/** Starts a server on a free port and resolves when it says that it listens. */
export async function startServer(name: ServerName, options: ServerOptions): Promise<Server> {
  const port = await findFreePort();
  const [file = "", ...args] = [...options.prefix, ...COMMANDS[name]];
  const child = spawn(file, args, {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "",
      NODE_ENV: "production",
      DATABASE_URL: options.databaseUrl,
      HOST: "127.0.0.1",
      API_PORT: String(port),
      SLUICE_SECRET: options.secret,
      SLUICE_SERVICE_TOKEN: options.serviceToken,
      SLUICE_DATA_DIR: options.dataDir,
      LOG_LEVEL: "warn",
      BENCH_ACCESS_KEY: await hexKey(options.secret, "access-token"),
      BENCH_LOOKUP_KEY: await hexKey(options.secret, "stream-key-lookup"),
      BENCH_SEALING_KEY: await hexKey(options.secret, "stream-key-sealing"),
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await waitUntilListening(name, child);
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    stop: () => stopChild(child),
  };
}

/** Every server prints one line on stdout when it listens. */
async function waitUntilListening(name: string, child: ChildProcess): Promise<void> {
  if (child.stdout === null) throw new Error("no stdout");
  const exited = once(child, "exit").then(([code]) => {
    throw new Error(`${name} exited with ${String(code)} before it listened`);
  });
  const listening = once(child.stdout, "data");
  exited.catch(() => {});
  await withDeadline(`the start of ${name}`, READY_DEADLINE_MS, Promise.race([listening, exited]));
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await withDeadline("the stop", 5000, exited).catch(() => child.kill("SIGKILL"));
}

async function hexKey(
  secret: string,
  purpose: "access-token" | "stream-key-lookup" | "stream-key-sealing",
): Promise<string> {
  return Buffer.from(await deriveKey(secret, purpose)).toString("hex");
}
