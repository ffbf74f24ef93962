/**
 * A playback server with one synthetic broadcast that runs in real time, for what looks at it from
 * the outside.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LiveRegistry } from "#media-node/live/live-registry.ts";
import { createPlaybackServer } from "#media-node/playback/server.ts";
import { createRecorder } from "#media-node/recorder/recorder.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { startSyntheticBroadcast, type SyntheticOptions } from "./synthetic-broadcast.ts";

export type LiveSite = {
  /** The multivariant playlist. */
  readonly url: string;
  readonly port: number;
  /** Ends the broadcast: the same URL is its recording then. */
  readonly end: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export type LiveSiteOptions = Pick<SyntheticOptions, "rungs" | "frameBytes"> & {
  /** Null: no parts. Default 340. */
  readonly partTargetMs?: number | null;
  /** Media that is there at the start. Default 8 s. */
  readonly headStartS?: number;
};

const FRAME_MS = 33;

export async function startLiveSite(options: LiveSiteOptions = {}): Promise<LiveSite> {
  const { rungs = ["low", "mid", "high"], partTargetMs = 340, headStartS = 8 } = options;
  const directory = await mkdtemp(join(tmpdir(), "sluice-live-site-"));
  const storage = createFileStorage({ directory });
  const recorder = createRecorder({ storage, nodeId: "site", log: silentLogger });
  const live = new LiveRegistry();
  const server = createPlaybackServer({
    host: "127.0.0.1",
    port: 0,
    storage,
    live,
    log: silentLogger,
  });
  await server.start();
  const wallClockAtZeroMs = Date.now() - headStartS * 1000;
  const broadcast = startSyntheticBroadcast({
    live,
    recorder,
    rungs,
    ...(options.frameBytes === undefined ? {} : { frameBytes: options.frameBytes }),
    start: { partTargetMs, wallClockAtZeroMs },
  });
  const push = () => broadcast.pushUntil((Date.now() - wallClockAtZeroMs) / 1000);
  push();
  const pump = setInterval(push, FRAME_MS);
  const end = async () => {
    clearInterval(pump);
    await broadcast.packager.end();
  };
  const stop = async () => {
    await end();
    await server.stop();
    await recorder.stop();
    live.close();
    await rm(directory, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${server.port}/hls-live/${broadcast.videoUrl}.m3u8`;
  return { url, port: server.port, end, stop };
}
