/**
 * What an ffmpeg costs that dies, hangs or is replaced by one with less to do.
 */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { createLogger } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import {
  NO_MEDIA,
  ORIGIN_MS,
  pushInRealTime,
  readMedia,
  rung,
  startEngine,
  THREE_RUNGS,
} from "#test/helpers/engine.ts";
import { until } from "#test/helpers/until.ts";

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

describe("FfmpegEngine", () => {
  test("a killed ffmpeg costs no frame and no keyframe alignment", async () => {
    const media = await readMedia({ seconds: 3, keyframeSeconds: 2, bFrames: 2 });
    const { engine, output } = startEngine({ media, rungs: THREE_RUNGS });
    const reached = new Set<string>();
    const observer = setInterval(() => {
      const [low, ...others] = THREE_RUNGS.map(({ name }) => output.samplesOf(name).length);
      reached.add(others.every((frames) => frames === low) ? "all" : "some");
    }, 1);
    const { frames } = media;
    const half = frames.findIndex(({ dtsTicks }) => dtsTicks > (ORIGIN_MS + 1500) * 90);
    await pushInRealTime(engine, frames.slice(0, half));
    clearInterval(observer);
    // Whenever it dies: no rung was shown a frame that another one was not.
    expect(reached).toEqual(new Set(["all"]));
    const killedPid = engine.pid ?? 0;
    process.kill(killedPid, "SIGKILL");
    await pushInRealTime(engine, frames.slice(half));
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

  test.each(
    [
      ["video with a keyframe every quarter of a second", { keyframeSeconds: 0.25 }, THREE_RUNGS],
      ["audio alone", { size: null, audioCodec: "libmp3lame" }, []],
    ] as const,
  )("%s: a kill after a second without output costs nothing", async (_, pattern, rungs) => {
    const media = await readMedia({ seconds: 5, ...pattern });
    const { engine, output } = startEngine({ media, rungs });
    const pushing = pushInRealTime(engine, media.frames);
    await until(() => output.samplesOf("low").length + output.audioFrames.length > 10, 5000);
    const stoppedPid = engine.pid ?? 0;
    process.kill(stoppedPid, "SIGSTOP");
    await sleep(1000);
    process.kill(stoppedPid, "SIGKILL");
    await pushing;
    await engine.stop();
    for (const { name } of rungs) {
      expect(output.stepsOf(name)).toEqual(new Set([3000]));
      expect(output.samplesOf(name)).toHaveLength(150);
    }
    const heardMs = output.audioFrames.map(({ dtsTicks }) => dtsTicks / 90);
    const gapsMs = heardMs.slice(1).map((atMs, n) => atMs - (heardMs[n] ?? 0));
    // A new encoder begins where it is put in: less than a frame may be heard twice or not at all.
    expect(Math.max(0, ...gapsMs)).toBeLessThan(45);
  }, 30_000);

  test("ten kills in one broadcast cost no frame, and no more than 3 s each", async () => {
    const media = await readMedia({ seconds: 40 });
    const { engine, output } = startEngine({ media });
    const over = new AbortController();
    const firstMs = performance.now();
    const pushing = pushInRealTime(engine, media.frames, { signal: over.signal });
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
    const media = await readMedia({ seconds: 40, keyframeSeconds: 2 });
    const rungs = [rung("low", 1280, 720), rung("high", 1600, 900)];
    const { engine, output } = startEngine({ media, rungs, ffmpegPath });
    const over = new AbortController();
    const pushing = pushInRealTime(engine, media.frames, { signal: over.signal });
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

  test("a stopped ffmpeg is noticed and replaced within 8 s", async () => {
    const media = await readMedia({ seconds: 14 });
    const { engine, output } = startEngine({ media });
    const over = new AbortController();
    const pushing = pushInRealTime(engine, media.frames, { signal: over.signal });
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
    const { engine } = startEngine({ media: NO_MEDIA, ffmpegPath, log });
    await until(() => events.filter((event) => event === "engine.started").length > 1, 5000);
    expect(events.slice(0, 3)).toEqual(["engine.started", "engine.unreadable", "engine.exited"]);
    await engine.stop();
    await rm(folder, { recursive: true });
  });

  test("fails with ffmpeg's last words when it dies more than five times a minute", async () => {
    const { output } = startEngine({ media: NO_MEDIA, ffmpegPath: "/bin/false" });
    const failure = await until(() => output.failure, 15_000);
    expect(failure.message).toBe("ffmpeg ended with code 1 once too often");
  });

  test("one that fills a slow source's grid goes on where the one before it ended", async () => {
    const media = await readMedia({ seconds: 8, fps: 2, keyframeSeconds: 1 });
    const shown = media.frames.filter(({ track }) => track === "video")[2];
    const shownTicks = shown?.dtsTicks ?? 0;
    const from = media.frames.findIndex((frame) => frame === shown);
    const resume = { frames: media.frames.slice(from, from + 1), shownTicks };
    const { engine, output } = startEngine({ media, fps: 2, resume });
    const rest = media.frames.slice(from + 1);
    for (const frame of rest) engine.push(frame, 0);
    await until(() => output.samplesOf("low").length >= 6, 10_000);
    const killedPid = engine.pid ?? 0;
    process.kill(killedPid, "SIGKILL");
    await until(() => engine.pid !== undefined && engine.pid !== killedPid, 5000);
    await engine.stop();
    const samples = output.samplesOf("low");
    expect(samples[0]).toMatchObject({ dtsTicks: shownTicks + 45_000, isKeyframe: true });
    expect(output.stepsOf("low")).toEqual(new Set([45_000]));
    expect(samples).toHaveLength(13);
  });
});
