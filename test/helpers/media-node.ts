/**
 * A whole media node on free ports with a control plane of its own, for tests.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ladderSchema } from "#shared/contracts/ladder.ts";
import { createControlPlane } from "#shared/control-plane.ts";
import { createLogger, type LogFields, type LogLine } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import type { Storage } from "#shared/storage/port.ts";
import { createMediaNode, type MediaNode } from "#media-node/node.ts";
import { ControlServer, type ControlServerOptions } from "./control-server.ts";
import { until } from "./until.ts";

export type TestNodeOptions = ControlServerOptions & {
  /** Default one rung of 90 lines: the ladder is rarely the subject. */
  readonly ladder?: string;
};

export type TestNode = {
  readonly node: MediaNode;
  readonly control: ControlServer;
  readonly storage: Storage;
  readonly log: (LogLine & LogFields)[];
  /** Publish URL with a fresh key. */
  readonly publishUrl: (streamKey: string) => string;
  readonly playlistUrl: (videoUrl: string) => string;
  /** The pids of all ffmpeg processes the node has started. */
  readonly enginePids: () => number[];
  readonly stop: () => Promise<void>;
};

export async function startTestNode(options: TestNodeOptions = {}): Promise<TestNode> {
  const folder = await mkdtemp(join(tmpdir(), "media-node-"));
  const control = new ControlServer(options);
  await control.up();
  const storage = createFileStorage({ directory: join(folder, "media") });
  const log: TestNode["log"] = [];
  const node = createMediaNode({
    host: "127.0.0.1",
    rtmpPort: 0,
    hlsPort: 0,
    dataDir: join(folder, "node"),
    ladder: ladderSchema.parse(options.ladder ?? "low=90@200"),
    ffmpegPath: "ffmpeg",
    encoder: "libx264",
    control: createControlPlane({ url: control.url, serviceToken: "t".repeat(32) }),
    storage,
    log: createLogger({ level: "debug", write: (line) => log.push(line) }),
  });
  await node.start();
  return {
    node,
    control,
    storage,
    log,
    publishUrl: (streamKey) => {
      control.addKey(streamKey);
      return `rtmp://127.0.0.1:${node.ports.rtmp}/streaming/${streamKey}`;
    },
    playlistUrl: (videoUrl) => `http://127.0.0.1:${node.ports.hls}/hls-live/${videoUrl}.m3u8`,
    enginePids: () =>
      log.filter((line) => line.event === "engine.started").map((line) => Number(line["pid"])),
    stop: async () => {
      await node.stop();
      await control.down();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A playlist's text, once there is one. */
export async function fetchPlaylist(url: string, deadlineMs = 10_000): Promise<string> {
  return await until(async () => {
    const response = await fetch(url);
    const text = await response.text();
    return response.ok ? text : null;
  }, deadlineMs);
}

/** The media playlists that a multivariant playlist names, by rendition. */
export function mediaPlaylistsOf(playlist: string, url: string): Map<string, string> {
  const uris = playlist.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(uris.map((uri) => {
    const full = new URL(uri, url).href;
    return [/\/(low|mid|high)\//.exec(full)?.[1] ?? full, full];
  }));
}
