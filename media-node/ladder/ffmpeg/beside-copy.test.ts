/**
 * Rungs that are encoded beside a copy of the source: whatever is shed or lost, their segments can
 * begin where the copy's do, at the source's keyframes and nowhere else.
 */
import { expect, test } from "vitest";
import { toFrameRate } from "../../formats/frame-rate.ts";
import type { MediaFrame } from "../../formats/media.ts";
import { createLogger } from "#shared/log.ts";
import { pushInRealTime, readMedia, rung, startEngine } from "#test/helpers/engine.ts";
import type { SourceMedia } from "#test/helpers/source-media.ts";
import { until } from "#test/helpers/until.ts";
import { SourceClock } from "../source-clock.ts";

const RUNGS = [rung("low", 128, 72), rung("mid", 160, 90)];

function startBesideCopy(media: SourceMedia) {
  const events: string[] = [];
  const log = createLogger({ level: "warn", write: ({ event }) => events.push(event) });
  const clock = new SourceClock(toFrameRate(30));
  /** The copy: when its frames are shown, and which of them are keyframes. */
  const copy = new Map<number, boolean>();
  const place = (frame: MediaFrame) => {
    const { dtsTicks, isKeyframe } = clock.place(frame);
    copy.set(dtsTicks, isKeyframe);
  };
  const keyframes = () => [...copy].filter(([, isKeyframe]) => isKeyframe).map(([at]) => at);
  return { ...startEngine({ media, rungs: RUNGS, clock, log }), events, place, copy, keyframes };
}

const timesOf = (samples: readonly { readonly dtsTicks: number }[]) =>
  samples.map(({ dtsTicks }) => dtsTicks);

test("a step of load is taken at a keyframe, and costs no frame", async () => {
  const media = await readMedia({ seconds: 12, keyframeSeconds: 1.7 });
  const { engine, output, events, place, copy, keyframes } = startBesideCopy(media);
  const startMs = performance.now();
  const pushing = pushInRealTime(engine, media.frames, { place });
  await until(() => performance.now() - startMs > 3500, 5000);
  const slowPid = engine.pid ?? 0;
  process.kill(slowPid, "SIGSTOP");
  await until(() => events.includes("engine.load_changed"), 8000);
  process.kill(slowPid, "SIGCONT");
  await until(() => engine.pid !== slowPid, 4000);
  await pushing;
  await engine.stop();
  for (const { name } of RUNGS) {
    expect(timesOf(output.samplesOf(name))).toEqual([...copy.keys()]);
    expect(output.keyframesOf(name)).toEqual(keyframes());
    expect(output.configs.get(name)).toMatchObject({ width: 128, height: 72 });
  }
  expect(events).toEqual(["engine.load_changed"]);
}, 30_000);

test(
  "an ffmpeg that does not come as far as a keyframe costs what is left of a group",
  async () => {
    const media = await readMedia({ seconds: 12, keyframeSeconds: 1.7 });
    const { engine, output, events, place, copy, keyframes } = startBesideCopy(media);
    const startMs = performance.now();
    const pushing = pushInRealTime(engine, media.frames, { place });
    await until(() => performance.now() - startMs > 3800, 5000);
    process.kill(engine.pid ?? 0, "SIGSTOP");
    const stoppedPid = engine.pid ?? 0;
    await until(() => events.length > 0, 8000);
    await until(() => engine.pid !== undefined && engine.pid !== stoppedPid, 6000);
    await pushing;
    await engine.stop();
    expect(events[0]).toBe("engine.load_changed");
    for (const { name } of RUNGS) {
      expect(output.keyframesOf(name)).toEqual(keyframes());
      expect(timesOf(output.samplesOf(name))).toEqual(timesOf(output.samplesOf("low")));
    }
    const lost = copy.size - output.samplesOf("low").length;
    expect(lost).toBeLessThan(51);
  },
  30_000,
);

/** `frame` with a NAL unit of filler data, which decoders pass over. */
function padded(frame: MediaFrame, bytes: number): MediaFrame {
  const data = new Uint8Array(frame.data.length + 4 + bytes).fill(0xff);
  data.set(frame.data);
  new DataView(data.buffer).setUint32(frame.data.length, bytes);
  data[frame.data.length + 4] = 12;
  data[data.length - 1] = 0x80;
  return { ...frame, data };
}

test(
  "what memory has no room for costs frames, but no keyframe, and the same on every rung",
  async () => {
    const media = await readMedia({ seconds: 8, keyframeSeconds: 1 });
    const frames = media.frames.map((frame) => padded(frame, 200_000));
    const { engine, output, events, place, copy, keyframes } = startBesideCopy(media);
    process.kill(engine.pid ?? 0, "SIGSTOP");
    for (const frame of frames) {
      place(frame);
      engine.push(frame, 0);
    }
    process.kill(engine.pid ?? 0, "SIGCONT");
    await engine.stop();
    expect(events).toContain("engine.dropping");
    for (const { name } of RUNGS) {
      expect(output.keyframesOf(name)).toEqual(keyframes());
      expect(timesOf(output.samplesOf(name))).toEqual(timesOf(output.samplesOf("low")));
    }
    const shown = output.samplesOf("low").length;
    expect(shown).toBeGreaterThan(20);
    expect(shown).toBeLessThan(copy.size);
  },
  30_000,
);
