/**
 * Sources whose keyframes are far apart: 8.3 s is OBS's default. Another ffmpeg has to decode all of
 * it before it can show anything new.
 */
import { expect, test } from "vitest";
import { createLogger } from "#shared/log.ts";
import {
  ORIGIN_MS,
  pushInRealTime,
  readMedia,
  startEngine,
  type TestEngine,
  THREE_RUNGS,
} from "#test/helpers/engine.ts";
import { until } from "#test/helpers/until.ts";

const OBS_KEYFRAMES = { keyframeSeconds: 25 / 3, size: "640x360" };

type Output = ReturnType<typeof startEngine>["output"];

/** Every rung has all frames at 30 a second, none twice, with keyframes at equal times. */
function expectAll(output: Output, frames: number): void {
  for (const { name } of THREE_RUNGS) {
    expect(output.samplesOf(name)).toHaveLength(frames);
    expect(output.stepsOf(name)).toEqual(new Set([3000]));
    expect(output.keyframesOf(name)).toEqual(output.keyframesOf("low"));
  }
}

async function kill(engine: TestEngine, output: Output): Promise<void> {
  const killedPid = engine.pid ?? 0;
  const shown = output.samplesOf("low").length;
  process.kill(killedPid, "SIGKILL");
  await until(() => engine.pid !== undefined && engine.pid !== killedPid, 3000);
  await until(() => output.samplesOf("low").length > shown, 5000);
}

test("an ffmpeg killed twice costs no frame", async () => {
  const media = await readMedia({ seconds: 503 / 30, ...OBS_KEYFRAMES });
  const events: string[] = [];
  const log = createLogger({ level: "warn", write: ({ event }) => events.push(event) });
  const { engine, output } = startEngine({ media, rungs: THREE_RUNGS, log });
  const pushing = pushInRealTime(engine, media.frames);
  const shownMs = () => (output.samplesOf("low").at(-1)?.dtsTicks ?? 0) / 90 - ORIGIN_MS;
  await until(() => shownMs() > 7500, 15_000);
  await kill(engine, output);
  await until(() => shownMs() > 14_000, 15_000);
  await kill(engine, output);
  await pushing;
  await engine.stop();
  expectAll(output, 503);
  expect(events).toEqual(["engine.exited", "engine.exited"]);
}, 40_000);

test("a step of load costs no frame, and what waited is worked off", async () => {
  const media = await readMedia({ seconds: 401 / 30, ...OBS_KEYFRAMES });
  const events: string[] = [];
  const log = createLogger({ level: "warn", write: ({ event }) => events.push(event) });
  const { engine, output } = startEngine({ media, rungs: THREE_RUNGS, log });
  const startMs = performance.now();
  const pushing = pushInRealTime(engine, media.frames);
  await until(() => performance.now() - startMs > 3500, 5000);
  // As one that gets no time at all: the lag is noticed before the silence.
  process.kill(engine.pid ?? 0, "SIGSTOP");
  await until(() => events.length > 0, 12_000);
  expect(engine.shortfall).toContain("high");
  await pushing;
  // Two seconds after the last frame it is shown.
  await until(() => output.samplesOf("high").length > 395, 2000);
  await engine.stop();
  expectAll(output, 401);
  expect(events).toEqual(["engine.load_changed"]);
}, 40_000);
