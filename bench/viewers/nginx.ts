/**
 * A bare nginx that serves one folder, as fast as it can.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "#test/helpers/free-port.ts";
import { until } from "#test/helpers/until.ts";

export type FileServer = {
  readonly pid: number;
  readonly url: string;
  /** What it serves: files below its URL. */
  readonly root: string;
  readonly stop: () => Promise<void>;
};

/** Null where there is no nginx. `prefix` pins it to a core. */
export async function startFileServer(prefix: readonly string[]): Promise<FileServer | null> {
  const program = Bun.which("nginx") ?? Bun.which("nginx", { PATH: "/usr/sbin" });
  if (program === null) return null;
  const root = await mkdtemp(join(tmpdir(), "sluice-bench-nginx-"));
  const port = await findFreePort();
  await writeFile(join(root, "nginx.conf"), config(root, port));
  const child = Bun.spawn(
    [...prefix, program, "-p", root, "-e", join(root, "error.log"), "-c", "nginx.conf"],
    { stdout: "ignore", stderr: "inherit" },
  );
  const url = `http://127.0.0.1:${port}`;
  await until(() => fetch(url).then(() => true, () => false), 5000);
  const stop = async () => {
    child.kill("SIGTERM");
    await child.exited;
    await rm(root, { recursive: true, force: true });
  };
  return { pid: child.pid, url, root, stop };
}

/** One worker on one core, as our server is one process. */
function config(root: string, port: number): string {
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `daemon off; master_process off; ${user} pid ${root}/nginx.pid;
events { worker_connections 8192; }
http {
  access_log off; sendfile on; tcp_nopush on; open_file_cache max=100;
  keepalive_requests 10000000; client_body_temp_path ${root}/body; proxy_temp_path ${root}/proxy;
  fastcgi_temp_path ${root}/fastcgi; uwsgi_temp_path ${root}/uwsgi; scgi_temp_path ${root}/scgi;
  default_type video/iso.segment;
  server { listen 127.0.0.1:${port} backlog=4096; root ${root}; }
}
`;
}
