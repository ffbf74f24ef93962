/**
 * What we measure beside: nginx-rtmp takes the publish, ffmpeg's HLS muxer cuts 2 s segments without
 * encoding, nginx serves them to hls.js with the settings that keep it closest to live.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "#test/helpers/free-port.ts";
import { findNginx } from "#test/helpers/nginx.ts";
import { until } from "#test/helpers/until.ts";

export type NginxPeer = {
  readonly publishUrl: string;
  /** A page that plays it. */
  readonly watchUrl: string;
  readonly stop: () => Promise<void>;
};

const SEGMENT_S = 2;

export async function startNginxPeer(): Promise<NginxPeer> {
  const nginx = findNginx();
  if (nginx === null) throw new Error("nginx with libnginx-mod-rtmp is not installed");
  const directory = await mkdtemp(join(tmpdir(), "sluice-peer-"));
  const ports = { rtmp: await findFreePort(), http: await findFreePort() };
  const www = join(directory, "www");
  await mkdir(www);
  await writePage(www);
  const config = join(directory, "nginx.conf");
  await writeFile(config, renderConfig({ directory, www, module: nginx.module, ...ports }));
  const server = spawn(
    nginx.program,
    ["-p", directory, "-e", join(directory, "error.log"), "-c", config],
    { stdio: "ignore" },
  );
  const publishUrl = `rtmp://127.0.0.1:${ports.rtmp}/live/clock`;
  const watchUrl = `http://127.0.0.1:${ports.http}/watch.html`;
  await until(async () => (await fetch(watchUrl)).ok, 5000);
  const muxer = spawn("ffmpeg", muxerArgs(publishUrl, www), { stdio: "ignore" });
  const stop = async () => {
    await Promise.all([end(muxer), end(server)]);
    await rm(directory, { recursive: true, force: true });
  };
  return { publishUrl, watchUrl, stop };
}

function muxerArgs(url: string, www: string): string[] {
  return [
    ["-loglevel", "error", "-fpsprobesize", "0", "-analyzeduration", "1000000"],
    ["-rtmp_live", "live", "-rtmp_buffer", "0", "-rw_timeout", "60000000"],
    ["-i", url, "-c", "copy", "-f", "hls", "-hls_time", String(SEGMENT_S)],
    ["-hls_list_size", "6", "-hls_flags", "delete_segments+independent_segments"],
    [join(www, "index.m3u8")],
  ].flat();
}

async function writePage(www: string): Promise<void> {
  const hls = createRequire(import.meta.url).resolve("hls.js/dist/hls.min.js");
  await writeFile(join(www, "hls.js"), await readFile(hls));
  await writeFile(
    join(www, "watch.html"),
    `<!doctype html><video muted playsinline></video><script src="hls.js"></script><script>
const video = document.querySelector("video");
const hls = new Hls({
  liveSyncDurationCount: 1, liveSyncOnStallIncrease: 0.5, maxLiveSyncPlaybackRate: 1.5,
  lowLatencyMode: true,
});
hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
hls.on(Hls.Events.ERROR, (_, data) => {
  if (data.fatal) setTimeout(() => { hls.loadSource("index.m3u8"); hls.startLoad(); }, 200);
});
hls.loadSource("index.m3u8");
hls.attachMedia(video);
</script>`,
  );
}

type ConfigFacts = {
  readonly directory: string;
  readonly www: string;
  readonly module: string;
  readonly rtmp: number;
  readonly http: number;
};

function renderConfig({ directory, www, module, rtmp, http }: ConfigFacts): string {
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `
daemon off;
master_process off;
${user}
load_module ${module};
pid ${join(directory, "nginx.pid")};
error_log ${join(directory, "error.log")} error;
events { worker_connections 256; }
rtmp {
  access_log off;
  server {
    listen 127.0.0.1:${rtmp};
    chunk_size 4096;
    application live { live on; wait_key on; }
  }
}
http {
  access_log off;
  tcp_nodelay on;
  types { text/html html; text/javascript js; application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
  server {
    listen 127.0.0.1:${http};
    location / { root ${www}; add_header Cache-Control no-cache; }
  }
}
`;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 3000);
  await exited;
  clearTimeout(late);
}
