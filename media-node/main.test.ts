import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { probePackets, publish } from "#test/helpers/ffmpeg.ts";
import { fetchPlaylist, mediaPlaylistsOf } from "#test/helpers/media-node.ts";
import { type NodePorts, useNodeProcesses } from "#test/helpers/node-process.ts";
import { until } from "#test/helpers/until.ts";

const WINDOW_MS = 4000;

const site = useNodeProcesses({ settings: { reconnectWindowMs: WINDOW_MS } });

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

async function goLive(ports: NodePorts) {
  const key = "sk_0123456789abcdefghij";
  site.control.addKey(key);
  const publisher = publish(`rtmp://127.0.0.1:${ports.rtmp}/streaming/${key}`);
  const broadcast = await until(() => site.control.authorised.get(key), 10_000);
  const path = `/hls-live/${broadcast.videoUrl}.m3u8`;
  await fetchPlaylist(`http://127.0.0.1:${ports.hls}${path}`, 15_000);
  return { publisher, broadcast, path };
}

describe("media-node/main.ts", () => {
  test(
    "killed: leaves no ffmpeg; started again: waits for the publisher, then finishes the recording",
    async () => {
      const node = site.startNode();
      const { publisher, broadcast, path } = await goLive(await node.ports());
      await until(() => site.control.progress.some(({ durationMs }) => durationMs > 4500), 10_000);
      const children = childrenOf(node.child.pid ?? 0);
      expect(children.length).toBeGreaterThan(0);
      node.child.kill("SIGKILL");
      await until(() => children.every((pid) => readStatus(pid) === ""), 1000);
      await publisher.exited;

      const again = site.startNode();
      const { hls } = await again.ports();
      const url = `http://127.0.0.1:${hls}${path}`;
      const [rung = ""] = [...mediaPlaylistsOf(await fetchPlaylist(url), url).values()];
      expect(await fetchPlaylist(rung)).not.toContain("#EXT-X-ENDLIST");
      await until(() => site.control.progress.at(-1)?.state === "waiting", 3000);
      const ended = await until(() => site.control.ended[0], WINDOW_MS + 5000);
      expect(ended).toMatchObject({ broadcastId: broadcast.broadcastId, reason: "node_lost" });
      // What was published is recorded, the part of a segment included.
      expect(ended.durationMs).toBeGreaterThanOrEqual(4000);
      expect(await fetchPlaylist(rung)).toContain("#EXT-X-ENDLIST");
      expect((await probePackets(rung, "v:0")).length).toBeGreaterThanOrEqual(118);
      again.child.kill("SIGTERM");
      expect(await again.exited).toBe(0);
      expect(site.control.ended).toHaveLength(1);
    },
    40_000,
  );

  test("SIGTERM: finishes the broadcast, tells the API and exits with 0", async () => {
    const node = site.startNode();
    const { publisher } = await goLive(await node.ports());
    node.child.kill("SIGTERM");
    expect(await node.exited).toBe(0);
    expect(site.control.ended).toMatchObject([{ reason: "node_stopped" }]);
    await publisher.exited;
  }, 30_000);

  test("bad settings: all of them at once, exit code 2", async () => {
    const node = site.startNode({ RTMP_PORT: "99999", LADDER: "huge=1", SLUICE_SERVICE_TOKEN: "" });
    expect(await node.exited).toBe(2);
    expect(node.stderr()).toContain("RTMP_PORT: expected a port");
    expect(node.stderr()).toContain("LADDER: expected name=pixels@kbit/s");
    expect(node.stderr()).not.toContain("    at ");
  });

  test("no ffmpeg: says so, exit code 5", async () => {
    const node = site.startNode({ FFMPEG_PATH: "/nowhere/ffmpeg" });
    expect(await node.exited).toBe(5);
    expect(node.stderr()).toContain("ffmpeg is missing: there is no /nowhere/ffmpeg");
    expect(node.stderr()).not.toContain("    at ");
  });

  test.each(["RTMP_PORT", "HLS_PORT"])("%s taken: says so, exit code 1", async (name) => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, "127.0.0.1", () => resolve()));
    const address = squatter.address();
    const port = typeof address === "object" ? address?.port ?? 0 : 0;
    const node = site.startNode({ [name]: String(port) });
    expect(await node.exited).toBe(1);
    expect(node.stderr()).toMatch(new RegExp(`${port}.*in use|in use.*${port}`, "i"));
    expect(node.stderr()).not.toContain("    at ");
    squatter.close();
  });
});
