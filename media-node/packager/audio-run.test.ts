import { describe, expect, test } from "vitest";
import { writeSilentFrame } from "../formats/codecs/aac-frame.ts";
import type { AudioConfig } from "../formats/media.ts";
import { timeAudio } from "./audio-clock.ts";
import { AudioRunWriter } from "./audio-run.ts";

const CONFIG: AudioConfig = {
  kind: "audio",
  asc: Uint8Array.of(0x11, 0x90),
  sampleRateHz: 48_000,
  channels: 2,
  samplesPerFrame: 1024,
};
const FRAME = 1024;
/** A frame in 1/90000 s. */
const FRAME_90K = 1920;
const SILENCE = writeSilentFrame(2).join();

/** Frames that begin at `starts`, in frames; each tells in its only byte which one it is. */
const framesAt = (starts: readonly number[], config = CONFIG) =>
  starts.map((start) => timeAudio(config, Math.round(start * FRAME), Uint8Array.of(start)));

/** The part from frame `from` to frame `to`, with frames at `starts`. */
const part = (from: number, to: number, starts: readonly number[], config = CONFIG) => ({
  start90k: from * FRAME_90K,
  end90k: to * FRAME_90K,
  audio: framesAt(starts, config),
});

type Run = ReturnType<AudioRunWriter["write"]>;

/** `start+duration:what` of every sample, in frames. */
function describeRun(run: Run): string[] {
  let start = run?.decodeTicks ?? 0;
  return (run?.samples ?? []).map(({ durationTicks, data }) => {
    const what = data.join() === SILENCE ? "silence" : data.join();
    const text = `${start / FRAME}+${durationTicks / FRAME}:${what}`;
    start += durationTicks;
    return text;
  });
}

describe("AudioRunWriter", () => {
  test("writes frames that lie end to end as they are", () => {
    const run = new AudioRunWriter(CONFIG).write(part(0, 3, [0, 1, 2]));
    expect(describeRun(run)).toEqual(["0+1:0", "1+1:1", "2+1:2"]);
    expect(run?.samples.every(({ isSync, compositionTicks }) => isSync && compositionTicks === 0))
      .toBe(true);
  });

  test("fills a hole, a missing beginning and a missing end with silence", () => {
    const writer = new AudioRunWriter(CONFIG);
    expect(describeRun(writer.write(part(0, 7, [1, 4])))).toEqual([
      "0+1:silence",
      "1+1:1",
      ...["2+1:silence", "3+1:silence"],
      "4+1:4",
      ...["5+1:silence", "6+1:silence"],
    ]);
    expect(describeRun(writer.write(part(7, 9, [])))).toEqual(["7+1:silence", "8+1:silence"]);
    expect(describeRun(writer.write(part(9, 11, [9, 10])))).toEqual(["9+1:9", "10+1:10"]);
  });

  test("a gap of less than a frame lengthens the frame before it", () => {
    const run = new AudioRunWriter(CONFIG).write(part(0, 3.5, [0, 1.5, 2.5]));
    expect(describeRun(run)).toEqual(["0+1.5:0", "1.5+1:1", "2.5+1:2"]);
  });

  test("what begins before the end belongs to the part, what begins at it does not", () => {
    const writer = new AudioRunWriter(CONFIG);
    expect(describeRun(writer.write(part(0, 1.5, [])))).toEqual(["0+1:silence", "1+1:silence"]);
    expect(describeRun(writer.write(part(1.5, 3, [])))).toEqual(["2+1:silence"]);
    // Nothing begins in it: the frame before covers it.
    expect(writer.write(part(3, 3, []))).toBeNull();
    const rounded = { start90k: 0, end90k: FRAME_90K + 2, audio: [] };
    expect(describeRun(new AudioRunWriter(CONFIG).write(rounded))).toEqual(["0+1:silence"]);
  });

  test("a frame that comes after silence took its place is left out", () => {
    const writer = new AudioRunWriter(CONFIG);
    writer.write(part(0, 3, []));
    expect(describeRun(writer.write(part(3, 5, [2, 3, 4])))).toEqual(["3+1:3", "4+1:4"]);
  });

  test("begins with the first frame where that is near, however the picture begins", () => {
    const late = new AudioRunWriter(CONFIG).write(part(10, 13, [10.5, 11.5, 12.5]));
    expect(describeRun(late)[0]).toBe("10.5+1:10");
    const early = new AudioRunWriter(CONFIG).write(part(10, 13, [9.5, 10.5, 11.5]));
    expect(describeRun(early)[0]).toBe("9.5+1:9");
  });

  test("break(): the next part begins anew", () => {
    const writer = new AudioRunWriter(CONFIG);
    writer.write(part(0, 2, [0, 1]));
    writer.break();
    expect(describeRun(writer.write(part(20, 22, [20, 21])))).toEqual(["20+1:20", "21+1:21"]);
  });

  test("frames that another config decodes are silence", () => {
    const other = { ...CONFIG, asc: Uint8Array.of(0x12, 0x10) };
    const run = new AudioRunWriter(CONFIG).write(part(0, 2, [0, 1], other));
    expect(describeRun(run)).toEqual(["0+1:silence", "1+1:silence"]);
  });
});
