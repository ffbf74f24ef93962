import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { createLogger, silentLogger } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import { recordFlv, type TestPattern } from "#test/helpers/ffmpeg.ts";
import { until } from "#test/helpers/until.ts";
import type {
  AudioConfig,
  AudioFrame,
  FlvTag,
  RungPlan,
  VideoConfig,
  VideoSample,
} from "../media.ts";
import type { EngineOutput } from "./engine.ts";
import { FfmpegEngine } from "./ffmpeg-engine.ts";
import { FlvReader } from "./flv-reader.ts";
import { isSequenceHeader, isVideoKeyframe, ptsMsOf } from "./source-tag.ts";

/** Where the source lies on the broadcast's timeline: not at its beginning. */
const ORIGIN_MS = 12_345;

function rung(name: RenditionName, width: number, height: number): RungPlan {
  return { name, width, height, videoBitrateBps: 300_000, isCopy: false };
}

const THREE_RUNGS = [rung("low", 128, 72), rung("mid", 160, 90), rung("high", 320, 180)];
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

async function readTags(pattern: TestPattern & { seconds: number }): Promise<FlvTag[]> {
  const tags: FlvTag[] = [];
  const reader = new FlvReader((tag) => tags.push({ ...tag, dtsMs: tag.dtsMs + ORIGIN_MS }));
  reader.push(await recordFlv(pattern));
  return tags.filter((tag) => tag.type !== "script");
}

const engines: FfmpegEngine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.stop()));
});

type Setup = { tags: readonly FlvTag[]; rungs?: readonly RungPlan[]; fps?: number; mp3?: boolean };

function startEngine({ tags, rungs = ONE_RUNG, fps = 30, mp3 = false }: Setup) {
  const engine = new FfmpegEngine({ ffmpegPath: "ffmpeg", encoder: "libx264", log: silentLogger });
  engines.push(engine);
  const output = new Collector();
  const sequenceHeaders = tags.filter(isSequenceHeader);
  engine.start({ rungs, fps, sequenceHeaders, encodesAudio: mp3, segmentTargetMs: 2000 }, output);
  return { engine, output };
}

async function runThrough(setup: Setup): Promise<Collector> {
  const { engine, output } = startEngine(setup);
  for (const tag of setup.tags) engine.push(tag);
  // What a decoder holds back comes with the end; the rest may take its time on a busy machine.
  const almost = setup.tags.filter((tag) => tag.type === "video" && tag.body[1] === 1).length - 4;
  const { name } = setup.rungs?.at(-1) ?? { name: "low" };
  await until(() => output.samplesOf(name).length >= almost, 15_000);
  await engine.stop();
  return output;
}

/** Pushes `tags` in real time; returns early when the signal fires. */
async function pushInRealTime(engine: FfmpegEngine, tags: readonly FlvTag[], signal?: AbortSignal) {
  const startMs = performance.now();
  for (const tag of tags) {
    if (signal?.aborted) return;
    const waitMs = tag.dtsMs - (tags[0]?.dtsMs ?? 0) - (performance.now() - startMs);
    if (waitMs > 1) await sleep(waitMs);
    engine.push(tag);
  }
}

describe("FfmpegEngine", () => {
  test("gives every rung all frames, keyframes at equal times, on the source's timeline", async () => {
    const tags = await readTags({ seconds: 5 });
    const output = await runThrough({ tags, rungs: THREE_RUNGS });
    const firstPtsMs = ptsMsOf(tags.find(isVideoKeyframe) as FlvTag);
    const expected = [0, 1000, 2000, 4000].map((ms) => (firstPtsMs + ms) * 90);
    for (const { name, width, height } of THREE_RUNGS) {
      expect(output.samplesOf(name)).toHaveLength(150);
      expect(output.keyframesOf(name)).toEqual(expected);
      expect(output.stepsOf(name)).toEqual(new Set([3000]));
      expect(output.configs.get(name)).toMatchObject({ width, height });
    }
    expect(output.failure).toBeUndefined();
  });

  test.each([
    ["B-frames", { bFrames: 2 }, 30, 60],
    ["60 fps", { fps: 60 }, 60, 120],
    ["29.97 fps", { fps: 30_000 / 1001 }, 30_000 / 1001, 60],
    ["an odd size", { size: "322x182" }, 30, 60],
  ])("keeps every frame of a source with %s", async (_, pattern, fps, frames) => {
    const tags = await readTags({ seconds: 2.001, ...pattern });
    const output = await runThrough({ tags, fps });
    const samples = output.samplesOf("low");
    expect(Math.abs(samples.length - frames)).toBeLessThanOrEqual(1);
    const shownMs = tags.filter((tag) => tag.type === "video" && tag.body[1] === 1)
      .map(ptsMsOf).sort((a, b) => a - b);
    for (const [n, sample] of samples.entries()) {
      expect(Math.abs(sample.dtsTicks / 90 - (shownMs[n] ?? sample.dtsTicks / 90))).toBeLessThan(5);
    }
  });

  test("encodes audio that is not AAC, on the same timeline", async () => {
    const tags = await readTags({ seconds: 2, audioCodec: "libmp3lame", audioRateHz: 44_100 });
    const output = await runThrough({ tags, mp3: true });
    expect(output.audioConfig).toMatchObject({ sampleRateHz: 48_000, channels: 2 });
    const times = output.audioFrames.map((frame) => frame.ptsMs);
    const firstMs = tags.find((tag) => tag.type === "audio")?.dtsMs ?? 0;
    expect(Math.abs((times[0] ?? 0) - firstMs)).toBeLessThan(30);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1900);
    expect(output.samplesOf("low")).toHaveLength(60);
  });

  test("encodes a source that has only such audio", async () => {
    const tags = await readTags({ seconds: 1, size: null, audioCodec: "libmp3lame" });
    const output = await runThrough({ tags, rungs: [], mp3: true });
    expect(output.audioFrames.length).toBeGreaterThan(40);
  });

  test("a killed ffmpeg costs no frame and no keyframe alignment", async () => {
    const tags = await readTags({ seconds: 3, keyframeSeconds: 2, bFrames: 2 });
    const { engine, output } = startEngine({ tags, rungs: THREE_RUNGS });
    const half = tags.findIndex((tag) => tag.dtsMs > ORIGIN_MS + 1500);
    await pushInRealTime(engine, tags.slice(0, half));
    const killedPid = engine.pid ?? 0;
    process.kill(killedPid, "SIGKILL");
    await pushInRealTime(engine, tags.slice(half));
    await until(() => engine.pid !== undefined && engine.pid !== killedPid, 3000);
    await engine.stop();
    const last = THREE_RUNGS.map(({ name }) => output.samplesOf(name).at(-1)?.dtsTicks);
    expect(new Set(last).size).toBe(1);
    expect(output.stepsOf("high").size).toBeLessThanOrEqual(2);
    expect(output.samplesOf("high").length).toBeGreaterThanOrEqual(88);
    const afterKill = (name: RenditionName) => output.keyframesOf(name).slice(2);
    expect(afterKill("low").length).toBeGreaterThan(0);
    expect(afterKill("low")).toEqual(afterKill("high"));
  });

  test("a stopped ffmpeg is noticed and replaced within 8 s", async () => {
    const tags = await readTags({ seconds: 14 });
    const { engine, output } = startEngine({ tags });
    const over = new AbortController();
    const pushing = pushInRealTime(engine, tags, over.signal);
    await until(() => output.samplesOf("low").length > 10, 5000);
    const stoppedPid = engine.pid ?? 0;
    process.kill(stoppedPid, "SIGSTOP");
    const count = output.samplesOf("low").length;
    const startMs = performance.now();
    await until(() => output.samplesOf("low").length > count + 30, 12_000);
    expect(performance.now() - startMs).toBeLessThan(11_000);
    over.abort();
    await pushing;
  }, 30_000);

  test("replaces a program that writes something else than FLV", async () => {
    const folder = await mkdtemp(join(tmpdir(), "engine-"));
    const ffmpegPath = join(folder, "ffmpeg");
    await writeFile(ffmpegPath, "#!/bin/sh\necho this is no video at all >&3; exec cat\n");
    await chmod(ffmpegPath, 0o755);
    const events: string[] = [];
    const log = createLogger({ level: "debug", write: ({ event }) => events.push(event) });
    const engine = new FfmpegEngine({ ffmpegPath, encoder: "libx264", log });
    engines.push(engine);
    const start = { rungs: ONE_RUNG, fps: 30, encodesAudio: false, segmentTargetMs: 2000 };
    engine.start({ ...start, sequenceHeaders: [] }, new Collector());
    await until(() => events.filter((event) => event === "engine.started").length > 1, 5000);
    expect(events.slice(0, 3)).toEqual(["engine.started", "engine.unreadable", "engine.exited"]);
    await engine.stop();
    await rm(folder, { recursive: true });
  });

  test("fails with ffmpeg's last words when it dies more than five times a minute", async () => {
    const engine = new FfmpegEngine({
      ffmpegPath: "/bin/false",
      encoder: "libx264",
      log: silentLogger,
    });
    engines.push(engine);
    const output = new Collector();
    const start = { rungs: ONE_RUNG, fps: 30, encodesAudio: false, segmentTargetMs: 2000 };
    engine.start({ ...start, sequenceHeaders: [] }, output);
    const failure = await until(() => output.failure, 15_000);
    expect(failure.message).toBe("ffmpeg ended with code 1 once too often");
  });
});
