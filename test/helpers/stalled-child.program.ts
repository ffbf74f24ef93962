/**
 * Pushes 30 s of an 8 Mbit/s source into an engine whose ffmpeg takes nothing, and prints by how
 * much the memory grew. A process of its own, so that nothing else is measured.
 */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import { FfmpegEngine } from "#media-node/ladder/ffmpeg/ffmpeg-engine.ts";
import type { FlvTag } from "#media-node/formats/media.ts";
import { PLAIN_START } from "./engine-start.ts";

const FPS = 30;
const FRAME_BYTES = 8_000_000 / 8 / FPS;
const SECONDS = 30;

function frameAt(n: number): FlvTag {
  const body = new Uint8Array(FRAME_BYTES).fill(n);
  body.set([n % (2 * FPS) === 0 ? 0x17 : 0x27, 1, 0, 0, 0]);
  return { type: "video", dtsMs: Math.round((n * 1000) / FPS), body };
}

/** Every frame of the source goes through `push`, in a tenth of its time. */
async function play(push: (tag: FlvTag) => void): Promise<void> {
  for (let n = 0; n < SECONDS * FPS; n += 1) {
    push(frameAt(n));
    if (n % FPS === 0) await sleep(100);
  }
}

function measureRss(): number {
  (globalThis as { Bun?: { gc(isSync: boolean): void } }).Bun?.gc(true);
  return process.memoryUsage.rss();
}

const folder = await mkdtemp(join(tmpdir(), "stalled-"));
const ffmpegPath = join(folder, "ffmpeg");
await writeFile(ffmpegPath, "#!/bin/sh\nexec sleep 60\n");
await chmod(ffmpegPath, 0o755);
const engine = new FfmpegEngine({ ffmpegPath, encoder: "libx264", log: silentLogger });
const ignore = () => {};
// What merely passing the frames by costs is not what is held.
await play(ignore);
const beforeBytes = measureRss();
engine.start({
  ...PLAIN_START,
  rungs: [{ name: "low", width: 64, height: 36, videoBitrateBps: 100_000, isCopy: false }],
  fps: FPS,
}, {
  onVideoConfig: ignore,
  onVideoSample: ignore,
  onAudioConfig: ignore,
  onAudioFrame: ignore,
  onPicture: ignore,
  onFailure: ignore,
  onDrain: ignore,
});
await play((tag) => engine.push(tag, 0));
const growthBytes = measureRss() - beforeBytes;
process.kill(engine.pid ?? 0, "SIGKILL");
await engine.stop();
await rm(folder, { recursive: true });
process.stdout.write(JSON.stringify({ growthBytes }));
