/**
 * One live broadcast behind our playback server, as a process to be measured. Prints its addresses
 * as a JSON line; a line on stdin makes it print when each part came into being, and end.
 */
import { LiveRegistry } from "#media-node/live/live-registry.ts";
import { createPlaybackServer } from "#media-node/playback/server.ts";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { startSyntheticBroadcast } from "#test/helpers/synthetic-broadcast.ts";

const HEAD_START_S = 20;
/** 2.8 Mbit/s at 30 fps: the best rung of the default ladder. */
const HIGH_FRAME_BYTES = "11667";
const [directory = "", frameMs = "33", frameBytes = HIGH_FRAME_BYTES] = process.argv.slice(2);

const live = new LiveRegistry();
const storage = createFileStorage({ directory });
const server = createPlaybackServer({
  host: "127.0.0.1",
  port: 0,
  storage,
  live,
  log: silentLogger,
});
await server.start();
const zeroMs = Date.now() - HEAD_START_S * 1000;
const broadcast = startSyntheticBroadcast({
  live,
  rungs: ["low", "mid", "high"],
  frameBytes: Number(frameBytes),
  start: { partTargetMs: 340, wallClockAtZeroMs: zeroMs },
});
const rendition = live.get(broadcast.videoUrl)?.rendition("high");
const bornAtMs: Record<string, number> = {};

function push(): void {
  const atMs = Date.now();
  const before = rendition?.parts ?? 0;
  broadcast.pushUntil((atMs - zeroMs) / 1000);
  const report = rendition?.report() ?? null;
  if (report === null || rendition?.parts === before) return;
  bornAtMs[`${report.lastMsn}/${report.lastPart}`] = atMs;
}

push();
setInterval(push, Number(frameMs));
const base =
  `http://127.0.0.1:${server.port}/hls-live/${broadcast.videoUrl}/${broadcast.epoch}/high`;
console.log(JSON.stringify({ playlist: `${base}/index.m3u8`, base }));
process.stdin.once("data", () => {
  console.log(JSON.stringify({ bornAtMs, memoryBytes: process.memoryUsage.rss() }));
  process.exit(0);
});
