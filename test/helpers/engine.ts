/**
 * An engine over the real ffmpeg: what tests put in, and a collector of what comes out.
 */
import { onTestFinished } from "vitest";
import type { EngineOutput, EngineStart } from "#media-node/ladder/engine.ts";
import { FfmpegEngine } from "#media-node/ladder/ffmpeg/ffmpeg-engine.ts";
import { FlvReader } from "#media-node/formats/flv/flv-reader.ts";
import type { SourceClock } from "#media-node/ladder/source-clock.ts";
import { isSequenceHeader } from "#media-node/ladder/source-tag.ts";
import type {
  AudioConfig,
  AudioFrame,
  FlvTag,
  RungPlan,
  VideoConfig,
  VideoSample,
} from "#media-node/formats/media.ts";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { type Logger, silentLogger } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import { PLAIN_START } from "./engine-start.ts";
import { recordFlv, type TestPattern } from "./ffmpeg.ts";
import { until } from "./until.ts";

/** Where the source lies on the broadcast's timeline: not at its beginning. */
export const ORIGIN_MS = 12_345;

export function rung(name: RenditionName, width: number, height: number): RungPlan {
  return { name, width, height, videoBitrateBps: 300_000, isCopy: false };
}

export const THREE_RUNGS = [rung("low", 128, 72), rung("mid", 160, 90), rung("high", 320, 180)];
const ONE_RUNG = [rung("low", 128, 72)];

class Collector implements EngineOutput {
  readonly configs = new Map<RenditionName, VideoConfig>();
  readonly samples = new Map<RenditionName, VideoSample[]>();
  readonly audioFrames: AudioFrame[] = [];
  audioConfig: AudioConfig | undefined;
  failure: Error | undefined;
  onVideoConfig(name: RenditionName, config: VideoConfig): void {
    this.configs.set(name, config);
  }
  onVideoSample(name: RenditionName, sample: VideoSample): void {
    this.samples.set(name, [...this.samplesOf(name), sample]);
  }
  onAudioConfig(config: AudioConfig): void {
    this.audioConfig = config;
  }
  onAudioFrame(frame: AudioFrame): void {
    this.audioFrames.push(frame);
  }
  readonly pictures: { ptsMs: number; jpeg: Uint8Array }[] = [];
  onPicture(ptsMs: number, jpeg: Uint8Array): void {
    this.pictures.push({ ptsMs, jpeg });
  }
  onFailure(error: Error): void {
    this.failure = error;
  }
  onDrain(): void {}
  samplesOf(name: RenditionName): VideoSample[] {
    return this.samples.get(name) ?? [];
  }
  keyframesOf(name: RenditionName): number[] {
    return this.samplesOf(name).filter((sample) => sample.isKeyframe).map((sample) =>
      sample.dtsTicks
    );
  }
  stepsOf(name: RenditionName): Set<number> {
    const samples = this.samplesOf(name);
    return new Set(
      samples.slice(1).map((sample, n) => sample.dtsTicks - (samples[n]?.dtsTicks ?? 0)),
    );
  }
}

export async function readTags(pattern: TestPattern & { seconds: number }): Promise<FlvTag[]> {
  const tags: FlvTag[] = [];
  const reader = new FlvReader((tag) => tags.push({ ...tag, dtsMs: tag.dtsMs + ORIGIN_MS }));
  reader.push(await recordFlv(pattern));
  return tags.filter((tag) => tag.type !== "script");
}

type Setup = {
  tags: readonly FlvTag[];
  rungs?: readonly RungPlan[];
  fps?: number;
  mp3?: boolean;
  clock?: SourceClock;
  resume?: EngineStart["resume"];
  ffmpegPath?: string;
  log?: Logger;
};

/** An engine that has begun with the headers of `tags`; it ends with the test. */
export function startEngine(setup: Setup) {
  const { tags, rungs = ONE_RUNG, fps = 30, mp3 = false, ffmpegPath = "ffmpeg" } = setup;
  const { log = silentLogger } = setup;
  const engine = new FfmpegEngine({ ffmpegPath, encoder: "libx264", log });
  onTestFinished(() => engine.stop());
  const output = new Collector();
  const sequenceHeaders = tags.filter(isSequenceHeader);
  const { clock: sourceClock = null, resume = null } = setup;
  const start = {
    ...PLAIN_START,
    rungs,
    fps,
    sequenceHeaders,
    encodesAudio: mp3,
    sourceClock,
    resume,
  };
  engine.start({ ...start, takesPictures: resume !== null }, output);
  return { engine, output };
}

/** All of `tags` as fast as they are taken, and what became of them. */
export async function runThrough(setup: Setup): Promise<Collector> {
  const { engine, output } = startEngine(setup);
  for (const tag of setup.tags) engine.push(tag, 0);
  // What a decoder holds back comes with the end; the rest may take its time on a busy machine.
  const almost = setup.tags.filter((tag) => tag.type === "video" && tag.body[1] === 1).length - 4;
  const { name } = setup.rungs?.at(-1) ?? { name: "low" };
  await until(() => output.samplesOf(name).length >= almost, 15_000);
  await engine.stop();
  return output;
}

type Pushing = { readonly signal?: AbortSignal; readonly place?: (tag: FlvTag) => void };

/** Pushes `tags` in real time, each after `place`; returns early when the signal fires. */
export async function pushInRealTime(
  engine: FfmpegEngine,
  tags: readonly FlvTag[],
  { signal, place }: Pushing = {},
) {
  const startMs = performance.now();
  for (const tag of tags) {
    if (signal?.aborted) return;
    const waitMs = tag.dtsMs - (tags[0]?.dtsMs ?? 0) - (performance.now() - startMs);
    if (waitMs > 1) await sleep(waitMs);
    place?.(tag);
    engine.push(tag, 0);
  }
}
