import { describe, expect, test } from "vitest";
import type { TimedAudioFrame } from "./audio-clock.ts";
import { AudioSegmenter } from "./audio-segmenter.ts";
import type { Cut } from "./segmenter.ts";

const FRAME_TICKS = 1920;

function frameAt(start90k: number): TimedAudioFrame {
  const config = {
    kind: "audio",
    asc: new Uint8Array(2),
    sampleRateHz: 48_000,
    channels: 2,
    samplesPerFrame: 1024,
  } as const;
  const times = { start90k, end90k: start90k + FRAME_TICKS };
  return { ...times, startTicks: 0, durationTicks: 1024, config, data: new Uint8Array(1) };
}

/** Eight seconds whose clock is `holeTicks` ahead from `frame` on. */
function cut(partTargetMs: number | null, holeTicks: number, frame: number): Cut[] {
  const segmenter = new AudioSegmenter({ segmentTargetMs: 2000, partTargetMs, hasAudio: true });
  const cuts = Array.from({ length: 375 }, (_, index) => {
    const start90k = index * FRAME_TICKS + (index >= frame ? holeTicks : 0);
    return segmenter.pushAudio(frameAt(start90k));
  });
  return [...cuts.flat(), ...segmenter.end()];
}

const partsOf = (cuts: readonly Cut[]) => cuts.filter((one) => one.kind === "part");

describe("AudioSegmenter", () => {
  test.each(
    [0, 1920, 3000, 9000].flatMap((hole) => [95, 100, 107].map((at) => [hole, at] as const)),
  )(
    "lays parts end to end over a silence of %i ticks before frame %i",
    (holeTicks, frame) => {
      for (const partTargetMs of [340, 210]) {
        const cuts = cut(partTargetMs, holeTicks, frame);
        let end90k = 0;
        for (const [index, one] of cuts.entries()) {
          if (one.kind === "segmentEnd") {
            expect(one.end90k).toBe(end90k);
            continue;
          }
          expect(one.start90k).toBe(end90k);
          expect(one.audio.length).toBeGreaterThan(0);
          end90k = one.end90k;
          const lengthMs = (one.end90k - one.start90k) / 90;
          expect(lengthMs).toBeLessThanOrEqual(partTargetMs + 0.02);
          const isLast = cuts[index + 1]?.kind === "segmentEnd";
          if (!isLast) expect(lengthMs).toBeGreaterThanOrEqual(partTargetMs * 0.85);
        }
        expect(end90k).toBe(375 * FRAME_TICKS + holeTicks);
      }
    },
  );

  test.each([95, 187, 281])("takes a longer silence for a break in time (frame %i)", (frame) => {
    const cuts = cut(340, 45_000, frame);
    const breaks = partsOf(cuts).filter(({ opensSegment }) => opensSegment?.isDiscontinuous);
    expect(breaks.map(({ start90k }) => start90k)).toEqual([frame * FRAME_TICKS + 45_000]);
    expect(partsOf(cuts).reduce((sum, { audio }) => sum + audio.length, 0)).toBe(375);
  });
});
