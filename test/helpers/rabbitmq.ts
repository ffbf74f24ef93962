/**
 * A private RabbitMQ for tests: throwaway data, free loopback ports, a port mapper of its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { connect } from "amqplib";
import { findFreePort } from "./free-port.ts";
import { untilGroupStopped } from "./process-state.ts";
import { until } from "./until.ts";

/** A broker under our control; all methods resolve when what they do has taken effect. */
export type Broker = {
  readonly url: string;
  /** Ends it without notice (SIGKILL); its data stay. */
  readonly kill: () => Promise<void>;
  /** Starts it again on its data and ports, after `kill`. */
  readonly restart: () => Promise<void>;
  /** Freezes it: sockets stay open and nobody answers. */
  readonly pause: () => Promise<void>;
  readonly resume: () => void;
  /** Leaves no process and no file behind. */
  readonly stop: () => Promise<void>;
};

const START_DEADLINE_MS = 60_000;

/** Debian's wrapper on PATH changes the user, so the server's own script is preferred. */
const SERVER_PLACES = ["/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin"];

function findProgram(name: string, places: readonly string[]): string | null {
  const directories = [...places, ...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  return directories.map((directory) => join(directory, name)).find(existsSync) ?? null;
}

/** Whether this machine can run `startRabbitMq`. */
export function hasRabbitMq(): boolean {
  return findProgram("rabbitmq-server", SERVER_PLACES) !== null && findProgram("epmd", []) !== null;
}

/**
 * The broker of `TEST_AMQP_URL` where that is set, else one of our own. For tests that do not break
 * it: `stop` leaves a named broker alone.
 */
export async function borrowRabbitMq(): Promise<{ url: string; stop: () => Promise<void> }> {
  const url = process.env["TEST_AMQP_URL"];
  if (url !== undefined && url !== "") return { url, stop: () => Promise.resolve() };
  return await startRabbitMq();
}

/** Starts a broker of our own, about 9 s. */
export async function startRabbitMq(): Promise<Broker> {
  const program = findProgram("rabbitmq-server", SERVER_PLACES);
  const portMapper = findProgram("epmd", []);
  if (program === null || portMapper === null) {
    throw new Error("rabbitmq-server is not installed (Debian: apt-get install rabbitmq-server)");
  }
  const directory = await mkdtemp(join(tmpdir(), "sluice-rabbitmq-"));
  const [port, distributionPort, portMapperPort] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ];
  const url = `amqp://guest:guest@127.0.0.1:${port}`;
  const env = await prepare({ directory, port, distributionPort, portMapperPort });

  // Started by the broker it would outlive it as a daemon.
  const mapper = spawn(portMapper, ["-address", "127.0.0.1", "-port", String(portMapperPort)], {
    stdio: "ignore",
  });
  let server: ChildProcess | undefined;
  const signal = (name: NodeJS.Signals) => {
    // The virtual machine and its helpers are one process group.
    if (server?.pid !== undefined && server.exitCode === null) process.kill(-server.pid, name);
  };
  const kill = async () => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const exited = new Promise((resolve) => server?.once("exit", resolve));
    signal("SIGKILL");
    await exited;
    server = undefined;
  };
  const start = async () => {
    server = spawn(program, [], { env, stdio: "ignore", detached: true });
    await until(() => isReady(url), START_DEADLINE_MS).catch(async (error: unknown) => {
      const log = await readFile(join(directory, "log", `${env["RABBITMQ_NODENAME"]}.log`), "utf8")
        .catch(() => "(no log)");
      throw new Error(`RabbitMQ did not start:\n${log.slice(-4000)}`, { cause: error });
    });
  };
  const pause = async () => {
    signal("SIGSTOP");
    if (server?.pid !== undefined) await untilGroupStopped(server.pid);
  };
  const stop = async () => {
    await kill();
    mapper.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    kill,
    restart: start,
    pause,
    resume: () => signal("SIGCONT"),
    stop,
  };
}

type Place = {
  readonly directory: string;
  readonly port: number;
  readonly distributionPort: number;
  readonly portMapperPort: number;
};

async function prepare(place: Place): Promise<Record<string, string>> {
  const { directory } = place;
  const config = join(directory, "rabbitmq.conf");
  await mkdir(join(directory, "log"));
  await writeFile(
    config,
    [
      `listeners.tcp.default = 127.0.0.1:${place.port}`,
      "vm_memory_high_watermark.absolute = 512MB",
      "disk_free_limit.absolute = 50MB",
      "raft.wal_max_size_bytes = 16777216", // allocated in full at start
    ].join("\n"),
  );
  await writeFile(join(directory, "enabled_plugins"), "[].\n");
  await writeFile(join(directory, "env.conf"), "");
  return {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: directory, // for the Erlang cookie
    LANG: "C.UTF-8",
    ERL_EPMD_PORT: String(place.portMapperPort),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `sluice-${place.port}@localhost`,
    RABBITMQ_DIST_PORT: String(place.distributionPort),
    RABBITMQ_CONF_ENV_FILE: join(directory, "env.conf"),
    RABBITMQ_CONFIG_FILE: config,
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "enabled_plugins"),
    RABBITMQ_MNESIA_BASE: join(directory, "mnesia"),
    RABBITMQ_LOG_BASE: join(directory, "log"),
    RABBITMQ_PID_FILE: join(directory, "pid"),
    // Makes the script give its process to the virtual machine, which so is our own child.
    RABBITMQ_ALLOW_INPUT: "1",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-noinput +S 2:2",
  };
}

async function isReady(url: string): Promise<boolean> {
  const connection = await connect(url, { timeout: 5000 });
  await connection.close();
  return true;
}
