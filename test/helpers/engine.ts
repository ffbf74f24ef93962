/**
 * An engine over the real ffmpeg: what tests put in, and a collector of what comes out.
 */
import { onTestFinished } from "vitest";
import type { EngineOutput, EngineStart } from "#media-node/ladder/engine.ts";
import { startFfmpegEngine } from "#media-node/ladder/ffmpeg/ffmpeg-engine.ts";
import type { SourceClock } from "#media-node/ladder/source-clock.ts";
import {
  type AudioConfig,
  type AudioFrame,
  type MediaFrame,
  type RungPlan,
  TICKS_PER_MS,
  type VideoConfig,
  type VideoSample,
} from "#media-node/formats/media.ts";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { type Logger, silentLogger } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import { PLAIN_START } from "./engine-start.ts";
import type { TestPattern } from "./ffmpeg.ts";
import { recordSource, type SourceMedia } from "./source-media.ts";
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
    const samples = this.samples.get(name);
    if (samples === undefined) this.samples.set(name, [sample]);
    else samples.push(sample);
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

/** A test pattern as a source that begins at `ORIGIN_MS`. */
export async function readMedia(pattern: TestPattern & { seconds: number }): Promise<SourceMedia> {
  return await recordSource(pattern, ORIGIN_MS);
}

export const NO_MEDIA: SourceMedia = { frames: [], video: null, audio: null };

type Setup = {
  media: SourceMedia;
  rungs?: readonly RungPlan[];
  fps?: number;
  clock?: SourceClock;
  resume?: EngineStart["resume"];
  ffmpegPath?: string;
  log?: Logger;
};

export type TestEngine = ReturnType<typeof startEngine>["engine"];

/** An engine for the tracks of `media`; it ends with the test. */
export function startEngine(setup: Setup) {
  const { media, rungs = ONE_RUNG, fps = 30, ffmpegPath = "ffmpeg" } = setup;
  const { log = silentLogger, clock: sourceClock = null, resume = null } = setup;
  const { video, audio } = media;
  const output = new Collector();
  const start = { ...PLAIN_START, rungs, fps, video, audio, sourceClock, resume };
  const engine = startFfmpegEngine({ ffmpegPath, encoder: "libx264", log })(
    { ...start, pictureSize: resume === null ? null : { width: 160, height: 90 } },
    output,
  );
  onTestFinished(() => engine.stop());
  return { engine, output };
}

/** All frames as fast as they are taken, and what became of them. */
export async function runThrough(setup: Setup): Promise<Collector> {
  const { engine, output } = startEngine(setup);
  for (const frame of setup.media.frames) engine.push(frame, 0);
  // What a decoder holds back comes with the end; the rest may take its time on a busy machine.
  const almost = setup.media.frames.filter(({ track }) => track === "video").length - 4;
  const { name } = setup.rungs?.at(-1) ?? { name: "low" };
  await until(() => output.samplesOf(name).length >= almost, 15_000);
  await engine.stop();
  return output;
}

type Pushing = { readonly signal?: AbortSignal; readonly place?: (frame: MediaFrame) => void };

/** Pushes `frames` in real time, each after `place`; returns early when the signal fires. */
export async function pushInRealTime(
  engine: TestEngine,
  frames: readonly MediaFrame[],
  { signal, place }: Pushing = {},
) {
  const startMs = performance.now();
  const firstTicks = frames[0]?.dtsTicks ?? 0;
  for (const frame of frames) {
    if (signal?.aborted) return;
    const dueMs = (frame.dtsTicks - firstTicks) / TICKS_PER_MS;
    const waitMs = dueMs - (performance.now() - startMs);
    if (waitMs > 1) await sleep(waitMs);
    place?.(frame);
    engine.push(frame, 0);
  }
}
