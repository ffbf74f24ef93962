/**
 * A real nginx with the RTMP module of Debian's libnginx-mod-rtmp, on free loopback ports.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until.ts";

const MODULES = [
  "/usr/lib/nginx/modules/ngx_rtmp_module.so",
  "/usr/lib64/nginx/modules/ngx_rtmp_module.so",
];
const PROGRAMS = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];

export type Nginx = {
  /** Where publishers go: `rtmp://127.0.0.1:<port>/streaming` and the stream key. */
  readonly rtmpUrl: string;
  readonly port: number;
  /** Where its application `hls-live` writes playlists and segments. */
  readonly hlsDirectory: string;
  readonly readLog: () => Promise<string>;
  readonly stop: () => Promise<void>;
};

export type NginxOptions = {
  readonly port: number;
  /** `http://…/channel/streamKey/verify?secret=…` */
  readonly verifyUrl: string;
  readonly endUrl: string;
  /** Where the application `streaming` pushes as well: our media node. */
  readonly pushUrl?: string;
};

/** nginx and its RTMP module on this machine; null when one of them is missing. */
export function findNginx(): { readonly program: string; readonly module: string } | null {
  const program = findProgram();
  const module = findModule();
  return program === undefined || module === undefined ? null : { program, module };
}

/** Whether this machine can run `startNginx`. */
export function hasNginxRtmp(): boolean {
  return findProgram() !== undefined && findModule() !== undefined;
}

/** Starts nginx as `options` say; its workers and files are gone after `stop`. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const { module } = requireNginx();
  return await start(options.port, (directory) => {
    const hlsDirectory = join(directory, "hls");
    return renderConfig({ ...options, module, hlsDirectory });
  });
}

/** Starts nginx with `config` as it stands, which listens on `port`. */
export async function startNginxWith(config: string, port: number): Promise<Nginx> {
  return await start(port, () => config);
}

async function start(port: number, render: (directory: string) => string): Promise<Nginx> {
  const { program } = requireNginx();
  const directory = await mkdtemp(join(tmpdir(), "sluice-nginx-"));
  const hlsDirectory = join(directory, "hls");
  const logFile = join(directory, "error.log");
  await mkdir(hlsDirectory);
  const config = join(directory, "nginx.conf");
  await writeFile(config, render(directory));
  const globals = [
    "daemon off;",
    "master_process off;",
    // As root the worker would become nobody, who cannot write below our directory.
    process.getuid?.() === 0 ? "user root;" : "",
    `pid ${join(directory, "nginx.pid")};`,
    `error_log ${logFile} info;`,
  ].join(" ");
  const args = ["-p", directory, "-e", logFile, "-c", config, "-g", globals];
  const child = spawn(program, args, { stdio: "ignore" });
  const readLog = () => readFile(logFile, "utf8").catch(() => "");
  const stop = async () => {
    await quit(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await until(() => canConnect(port), 5000);
  } catch (error) {
    const log = await readLog();
    await stop();
    throw new Error(`nginx did not start:\n${log}`, { cause: error });
  }
  const rtmpUrl = `rtmp://127.0.0.1:${port}/streaming`;
  return { rtmpUrl, port, hlsDirectory, readLog, stop };
}

function requireNginx(): { readonly program: string; readonly module: string } {
  const found = findNginx();
  if (found === null) throw new Error("nginx with libnginx-mod-rtmp is not installed");
  return found;
}

type ConfigFacts = NginxOptions & {
  readonly module: string;
  readonly hlsDirectory: string;
};

/** The set-up that existing nginx-rtmp installations have: one application in, one for HLS. */
function renderConfig(facts: ConfigFacts): string {
  return `
worker_processes 1;
load_module ${facts.module};
events { worker_connections 64; }
rtmp {
  access_log off;
  server {
    listen 127.0.0.1:${facts.port};
    chunk_size 4096;
    application streaming {
      live on;
      on_publish ${facts.verifyUrl};
      on_publish_done ${facts.endUrl};
      ${facts.pushUrl === undefined ? "" : `push ${facts.pushUrl};`}
    }
    application hls-live {
      live on;
      allow publish 127.0.0.1;
      deny publish all;
      hls on;
      hls_path ${facts.hlsDirectory};
      hls_fragment 1s;
    }
  }
}
`;
}

function findProgram(): string | undefined {
  return PROGRAMS.find(existsSync);
}

function findModule(): string | undefined {
  return MODULES.find(existsSync);
}

async function quit(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 3000);
  await exited;
  clearTimeout(late);
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
