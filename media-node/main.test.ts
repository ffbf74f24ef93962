import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ControlServer } from "#test/helpers/control-server.ts";
import { probePackets, publish } from "#test/helpers/ffmpeg.ts";
import { fetchPlaylist, mediaPlaylistsOf } from "#test/helpers/media-node.ts";
import { until } from "#test/helpers/until.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const TOKEN = "service-token-service-token-service";

type Ports = { readonly rtmp: number; readonly hls: number };
type NodeProcess = {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly exited: Promise<number | null>;
  readonly ports: () => Promise<Ports>;
};

let folder: string;
let control: ControlServer;
const started: NodeProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "media-main-"));
  control = new ControlServer();
  await control.up();
});

afterEach(async () => {
  for (const { child } of started) child.kill("SIGKILL");
  await Promise.all(started.splice(0).map(({ exited }) => exited));
  await control.down();
  await rm(folder, { recursive: true, force: true });
});

function startNode(env: Record<string, string> = {}): NodeProcess {
  const child = spawn(process.execPath, [MAIN], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"] ?? "",
      SLUICE_DATA_DIR: folder,
      SLUICE_SERVICE_TOKEN: TOKEN,
      CONTROL_URL: control.url,
      HOST: "127.0.0.1",
      RTMP_PORT: "0",
      HLS_PORT: "0",
      LADDER: "low=90@200",
      ...env,
    },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => stdout += String(chunk));
  child.stderr.on("data", (chunk) => stderr += String(chunk));
  const node = {
    child,
    stderr: () => stderr,
    exited: new Promise<number | null>((resolve) => child.on("close", (code) => resolve(code))),
    ports: async () => JSON.parse(await until(() => stdout, 10_000)) as Ports,
  };
  started.push(node);
  return node;
}

/** Programs whose parent is `pid`, zombies left out. */
function childrenOf(pid: number): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((child) => {
    const status = readStatus(child);
    return new RegExp(`^PPid:\\s+${pid}$`, "m").test(status);
  });
}

function readStatus(pid: number): string {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return /^State:\s+Z/m.test(status) ? "" : status;
  } catch {
    return "";
  }
}

async function goLive(ports: Ports) {
  const key = "sk_0123456789abcdefghij";
  control.addKey(key);
  const publisher = publish(`rtmp://127.0.0.1:${ports.rtmp}/streaming/${key}`);
  const broadcast = await until(() => control.authorised.get(key), 10_000);
  const path = `/hls-live/${broadcast.videoUrl}.m3u8`;
  await fetchPlaylist(`http://127.0.0.1:${ports.hls}${path}`, 15_000);
  return { publisher, broadcast, path };
}

describe("media-node/main.ts", () => {
  test(
    "killed: leaves no ffmpeg; started again: finishes the recording and reports the end",
    async () => {
      const node = startNode();
      const { publisher, broadcast, path } = await goLive(await node.ports());
      await until(() => control.progress.some(({ durationMs }) => durationMs > 4500), 10_000);
      const children = childrenOf(node.child.pid ?? 0);
      expect(children.length).toBeGreaterThan(0);
      node.child.kill("SIGKILL");
      await until(() => children.every((pid) => readStatus(pid) === ""), 1000);
      await publisher.exited;

      const again = startNode();
      const { hls } = await again.ports();
      const ended = await until(() => control.ended[0], 5000);
      expect(ended).toMatchObject({ broadcastId: broadcast.broadcastId, reason: "node_lost" });
      expect(ended.durationMs).toBeGreaterThanOrEqual(3900);
      const url = `http://127.0.0.1:${hls}${path}`;
      const [rung = ""] = [...mediaPlaylistsOf(await fetchPlaylist(url), url).values()];
      expect(await fetchPlaylist(rung)).toContain("#EXT-X-ENDLIST");
      expect((await probePackets(rung, "v:0")).length).toBeGreaterThanOrEqual(118);
    },
    40_000,
  );

  test("SIGTERM: finishes the broadcast, tells the API and exits with 0", async () => {
    const node = startNode();
    const { publisher } = await goLive(await node.ports());
    node.child.kill("SIGTERM");
    expect(await node.exited).toBe(0);
    expect(control.ended).toMatchObject([{ reason: "node_stopped" }]);
    await publisher.exited;
  }, 30_000);

  test("bad settings: all of them at once, exit code 2", async () => {
    const node = startNode({ RTMP_PORT: "99999", LADDER: "huge=1", SLUICE_SERVICE_TOKEN: "" });
    expect(await node.exited).toBe(2);
    expect(node.stderr()).toContain("RTMP_PORT: expected a port");
    expect(node.stderr()).toContain("LADDER: expected name=pixels@kbit/s");
    expect(node.stderr()).not.toContain("    at ");
  });

  test("no ffmpeg: says so, exit code 5", async () => {
    const node = startNode({ FFMPEG_PATH: "/nowhere/ffmpeg" });
    expect(await node.exited).toBe(5);
    expect(node.stderr()).toContain("ffmpeg is missing: there is no /nowhere/ffmpeg");
    expect(node.stderr()).not.toContain("    at ");
  });

  test.each(["RTMP_PORT", "HLS_PORT"])("%s taken: says so, exit code 1", async (name) => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, "127.0.0.1", () => resolve()));
    const address = squatter.address();
    const port = typeof address === "object" ? address?.port ?? 0 : 0;
    const node = startNode({ [name]: String(port) });
    expect(await node.exited).toBe(1);
    expect(node.stderr()).toMatch(new RegExp(`${port}.*in use|in use.*${port}`, "i"));
    expect(node.stderr()).not.toContain("    at ");
    squatter.close();
  });
});
