import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { createLogger, type Logger, silentLogger } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import { recordFlv, type TestPattern } from "#test/helpers/ffmpeg.ts";
import { slowDown } from "#test/helpers/slow-process.ts";
import { until } from "#test/helpers/until.ts";
import type {
  AudioConfig,
  AudioFrame,
  FlvTag,
  RungPlan,
  VideoConfig,
  VideoSample,
} from "../media.ts";
import type { EngineOutput, EngineStart } from "./engine.ts";
import { FfmpegEngine } from "./ffmpeg-engine.ts";
import { FlvReader } from "./flv-reader.ts";
import { toFrameRate } from "./frame-rate.ts";
import { SourceClock } from "./source-clock.ts";
import { isSequenceHeader, isVideoKeyframe, ptsMsOf } from "./source-tag.ts";

/** Where the source lies on the broadcast's timeline: not at its beginning. */
const ORIGIN_MS = 12_345;

function rung(name: RenditionName, width: number, height: number): RungPlan {
  return { name, width, height, videoBitrateBps: 300_000, isCopy: false };
}

const THREE_RUNGS = [rung("low", 128, 72), rung("mid", 160, 90), rung("high", 320, 180)];
const ONE_RUNG = [rung("low", 128, 72)];
/** Encoded at a steady rate, from the start of the broadcast. */
const PLAIN: EngineStart = {
  rungs: [],
  fps: 30,
  sequenceHeaders: [],
  encodesAudio: false,
  segmentTargetMs: 2000,
  sourceClock: null,
  resume: null,
  takesPictures: false,
};

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

/** An ffmpeg that takes its time, unless it is told to hurry. */
const SLOW_FFMPEG = `#!/bin/sh
for arg; do
  shift
  [ "$arg" = veryfast ] && arg=placebo
  set -- "$@" "$arg"
done
exec ffmpeg "$@"
`;

async function writeProgram(text: string): Promise<{ folder: string; ffmpegPath: string }> {
  const folder = await mkdtemp(join(tmpdir(), "engine-"));
  const ffmpegPath = join(folder, "ffmpeg");
  await writeFile(ffmpegPath, text);
  await chmod(ffmpegPath, 0o755);
  return { folder, ffmpegPath };
}

function startEngine(setup: Setup) {
  const { tags, rungs = ONE_RUNG, fps = 30, mp3 = false, ffmpegPath = "ffmpeg" } = setup;
  const { log = silentLogger } = setup;
  const engine = new FfmpegEngine({ ffmpegPath, encoder: "libx264", log });
  engines.push(engine);
  const output = new Collector();
  const sequenceHeaders = tags.filter(isSequenceHeader);
  const { clock: sourceClock = null, resume = null } = setup;
  const start = { ...PLAIN, rungs, fps, sequenceHeaders, encodesAudio: mp3, sourceClock, resume };
  engine.start({ ...start, takesPictures: resume !== null }, output);
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

type Pushing = { readonly signal?: AbortSignal; readonly place?: (tag: FlvTag) => void };

/** Pushes `tags` in real time, each after `place`; returns early when the signal fires. */
async function pushInRealTime(
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
    const reached = new Set<string>();
    const observer = setInterval(() => {
      const [low, ...others] = THREE_RUNGS.map(({ name }) => output.samplesOf(name).length);
      reached.add(others.every((frames) => frames === low) ? "all" : "some");
    }, 1);
    const half = tags.findIndex((tag) => tag.dtsMs > ORIGIN_MS + 1500);
    await pushInRealTime(engine, tags.slice(0, half));
    clearInterval(observer);
    // Whenever it dies: no rung was shown a frame that another one was not.
    expect(reached).toEqual(new Set(["all"]));
    const killedPid = engine.pid ?? 0;
    process.kill(killedPid, "SIGKILL");
    await pushInRealTime(engine, tags.slice(half));
    await until(() => engine.pid !== undefined && engine.pid !== killedPid, 3000);
    await engine.stop();
    const last = THREE_RUNGS.map(({ name }) => output.samplesOf(name).at(-1)?.dtsTicks);
    expect(new Set(last).size).toBe(1);
    for (const { name } of THREE_RUNGS) {
      expect(output.stepsOf(name)).toEqual(new Set([3000]));
      expect(output.samplesOf(name).length).toBeGreaterThanOrEqual(88);
    }
    const afterKill = (name: RenditionName) => output.keyframesOf(name).slice(2);
    expect(afterKill("low").length).toBeGreaterThan(0);
    expect(afterKill("low")).toEqual(afterKill("high"));
  });

  test(
    "gives the frames of a copied source its own times and keyframes, also after a kill",
    async () => {
      const tags = await readTags({ seconds: 6, keyframeSeconds: 1.7 });
      const clock = new SourceClock(toFrameRate(30));
      const rungs = [rung("low", 128, 72), rung("mid", 160, 90)];
      const { engine, output } = startEngine({ tags, rungs, clock });
      const source = new Map<number, boolean>();
      const place = (tag: FlvTag) => {
        if (tag.type !== "video" || tag.body[1] !== 1) return;
        const { dtsTicks, isKeyframe } = clock.place(tag);
        source.set(dtsTicks, isKeyframe);
      };
      const half = tags.findIndex((tag) => tag.dtsMs > ORIGIN_MS + 3000);
      await pushInRealTime(engine, tags.slice(0, half), { place });
      process.kill(engine.pid ?? 0, "SIGKILL");
      await pushInRealTime(engine, tags.slice(half), { place });
      await engine.stop();
      for (const { name } of rungs) {
        const samples = output.samplesOf(name);
        expect(samples.map(({ dtsTicks }) => dtsTicks)).toEqual([...source.keys()]);
        expect(samples.map(({ isKeyframe }) => isKeyframe)).toEqual([...source.values()]);
      }
    },
    30_000,
  );

  test(
    "goes on with a group of pictures that was shown already, and takes pictures of it",
    async () => {
      const tags = await readTags({ seconds: 3, keyframeSeconds: 10 });
      const shownTicks = (ORIGIN_MS + 2000) * 90;
      const media = tags.filter((tag) => tag.type === "video" && !isSequenceHeader(tag));
      const seen = media.filter((tag) => ptsMsOf(tag) <= ORIGIN_MS + 2100);
      const resume = { tags: seen, shownTicks };
      const { engine, output } = startEngine({ tags, resume });
      for (const tag of media.slice(seen.length)) engine.push(tag);
      await engine.stop();
      const [first] = output.samplesOf("low");
      expect(first?.isKeyframe).toBe(true);
      expect((first?.dtsTicks ?? 0) - shownTicks).toBeGreaterThan(0);
      expect((first?.dtsTicks ?? 0) - shownTicks).toBeLessThan(3100);
      expect(Math.abs(output.samplesOf("low").length - 30)).toBeLessThanOrEqual(1);
      const [picture] = output.pictures;
      expect([...picture?.jpeg.subarray(0, 2) ?? []]).toEqual([0xff, 0xd8]);
      expect(Math.abs((picture?.ptsMs ?? 0) - ORIGIN_MS - 2033)).toBeLessThan(40);
    },
    30_000,
  );

  test("ten kills in one broadcast cost no frame, and no more than 3 s each", async () => {
    const tags = await readTags({ seconds: 40 });
    const { engine, output } = startEngine({ tags });
    const over = new AbortController();
    const firstMs = performance.now();
    const pushing = pushInRealTime(engine, tags, { signal: over.signal });
    const lagMs = () => {
      const shownMs = (output.samplesOf("low").at(-1)?.dtsTicks ?? 0) / 90 - ORIGIN_MS;
      return performance.now() - firstMs - shownMs;
    };
    for (let kills = 0; kills < 10; kills += 1) {
      // One that is never let catch up leaves out what it could not.
      await until(() => lagMs() < 1000, 6000);
      const startMs = performance.now();
      const killedPid = engine.pid;
      process.kill(killedPid ?? 0, "SIGKILL");
      await until(() => engine.pid !== killedPid && engine.pid !== undefined, 3000);
      const before = output.samplesOf("low").length;
      await until(() => output.samplesOf("low").length > before, 5000);
      expect(performance.now() - startMs).toBeLessThan(3000);
    }
    over.abort();
    await pushing;
    await engine.stop();
    expect(output.failure).toBeUndefined();
    expect(output.stepsOf("low")).toEqual(new Set([3000]));
  }, 60_000);

  test("leaves the top rung out, then hurries, while the machine cannot keep up", async () => {
    const { ffmpegPath, folder } = await writeProgram(SLOW_FFMPEG);
    const tags = await readTags({ seconds: 40, keyframeSeconds: 2 });
    const rungs = [rung("low", 1280, 720), rung("high", 1600, 900)];
    const { engine, output } = startEngine({ tags, rungs, ffmpegPath });
    const over = new AbortController();
    const pushing = pushInRealTime(engine, tags, { signal: over.signal });
    await until(() => engine.shortfall?.includes("high shows the picture of low"), 15_000);
    await until(() => engine.shortfall?.includes("less care"), 15_000);
    const reached = () => (output.samplesOf("low").at(-1)?.dtsTicks ?? 0) / 90;
    const startMs = performance.now();
    const headMs = () => ORIGIN_MS + (performance.now() - startMs);
    const before = reached();
    await until(() => reached() > before + 3000 && headMs() > 0, 20_000);
    expect(output.configs.get("high")).toMatchObject({ width: 1280, height: 720 });
    const last = (name: RenditionName) => output.samplesOf(name).at(-1)?.dtsTicks;
    expect(last("high")).toBe(last("low"));
    expect(output.failure).toBeUndefined();
    over.abort();
    await pushing;
    await rm(folder, { recursive: true });
  }, 60_000);

  test("one that is replaced with its input full leaves none of it to the next", async () => {
    const tags = await readTags({ seconds: 14, videoBitrate: "3M", keyframeSeconds: 2 });
    const events: string[] = [];
    const log = createLogger({ level: "debug", write: ({ event }) => events.push(event) });
    // Large enough to take its time.
    const { engine, output } = startEngine({ tags, rungs: [rung("low", 960, 540)], log });
    const over = new AbortController();
    const pushing = pushInRealTime(engine, tags, { signal: over.signal });
    await until(() => output.samplesOf("low").length > 30, 5000);
    const release = slowDown(engine.pid ?? 0);
    await until(() => events.length > 1, 10_000);
    release();
    const shown = output.samplesOf("low").length;
    await until(() => output.samplesOf("low").length > shown + 30, 3000);
    expect(events).toEqual(["engine.started", "engine.load_changed", "engine.started"]);
    over.abort();
    await pushing;
  }, 30_000);

  test("a stopped ffmpeg is noticed and replaced within 8 s", async () => {
    const tags = await readTags({ seconds: 14 });
    const { engine, output } = startEngine({ tags });
    const over = new AbortController();
    const pushing = pushInRealTime(engine, tags, { signal: over.signal });
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
    const program = "#!/bin/sh\necho this is no video at all >&3; exec cat\n";
    const { ffmpegPath, folder } = await writeProgram(program);
    const events: string[] = [];
    const log = createLogger({ level: "debug", write: ({ event }) => events.push(event) });
    const engine = new FfmpegEngine({ ffmpegPath, encoder: "libx264", log });
    engines.push(engine);
    engine.start({ ...PLAIN, rungs: ONE_RUNG }, new Collector());
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
    engine.start({ ...PLAIN, rungs: ONE_RUNG }, output);
    const failure = await until(() => output.failure, 15_000);
    expect(failure.message).toBe("ffmpeg ended with code 1 once too often");
  });
});
