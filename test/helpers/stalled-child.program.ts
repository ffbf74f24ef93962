/**
 * Pushes 30 s of an 8 Mbit/s source into an engine whose ffmpeg takes nothing, and prints by how
 * much the memory grew. A process of its own, so that nothing else is measured.
 */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import { startFfmpegEngine } from "#media-node/ladder/ffmpeg/ffmpeg-engine.ts";
import { type MediaFrame, VIDEO_TIMESCALE, type VideoTrack } from "#media-node/formats/media.ts";
import { PLAIN_START } from "./engine-start.ts";

type StartFfmpeg = ReturnType<typeof startFfmpegEngine>;

const FPS = 30;
const FRAME_BYTES = 8_000_000 / 8 / FPS;
const SECONDS = 30;

/** Its header is never read. */
const VIDEO: VideoTrack = {
  codec: "avc1.64001f",
  config: { kind: "video", avcC: new Uint8Array(40), width: 1280, height: 720 },
  isInterlaced: false,
};

function frameAt(n: number): MediaFrame {
  return {
    track: "video",
    dtsTicks: (n * VIDEO_TIMESCALE) / FPS,
    compositionTicks: 0,
    isKeyframe: n % (2 * FPS) === 0,
    data: new Uint8Array(FRAME_BYTES).fill(n),
  };
}

/** Every frame of the source goes through `push`, in a tenth of its time. */
async function play(push: (frame: MediaFrame) => void): Promise<void> {
  for (let n = 0; n < SECONDS * FPS; n += 1) {
    push(frameAt(n));
    if (n % FPS === 0) await sleep(100);
  }
}

/** How long the allocator takes to give back what was freed. */
const PURGE_MS = 1500;

async function measureRss(): Promise<number> {
  const collect = () => (globalThis as { Bun?: { gc(isSync: boolean): void } }).Bun?.gc(true);
  collect();
  await sleep(PURGE_MS);
  collect();
  return process.memoryUsage.rss();
}

async function startEngine(program: string): Promise<ReturnType<StartFfmpeg>> {
  const ffmpegPath = join(folder, "ffmpeg");
  await writeFile(ffmpegPath, `#!/bin/sh\n${program}\n`);
  await chmod(ffmpegPath, 0o755);
  const ignore = () => {};
  return startFfmpegEngine({ ffmpegPath, encoder: "libx264", log: silentLogger })({
    ...PLAIN_START,
    rungs: [{ name: "low", width: 64, height: 36, videoBitrateBps: 100_000, isCopy: false }],
    fps: FPS,
    video: VIDEO,
  }, {
    onVideoConfig: ignore,
    onVideoSample: ignore,
    onAudioConfig: ignore,
    onAudioFrame: ignore,
    onPicture: ignore,
    onFailure: ignore,
    onDrain: ignore,
  });
}

const folder = await mkdtemp(join(tmpdir(), "stalled-"));
// What a first engine and frames that merely pass by cost is not what is held.
const first = await startEngine("exec cat");
await play(() => {});
first.push(frameAt(0), 0);
await first.stop();
const beforeBytes = await measureRss();
const engine = await startEngine("exec sleep 60");
await play((frame) => engine.push(frame, 0));
const growthBytes = await measureRss() - beforeBytes;
process.kill(engine.pid ?? 0, "SIGKILL");
await engine.stop();
await rm(folder, { recursive: true });
process.stdout.write(JSON.stringify({ growthBytes }));
