import { describe, expect, test } from "vitest";
import type { TimedAudioFrame } from "./audio-clock.ts";
import type { Cut } from "./segmenter.ts";
import { VideoSegmenter } from "./video-segmenter.ts";

type Options = {
  readonly partTargetMs?: number | null;
  readonly fps?: number;
  /** Seconds of the keyframes. */
  readonly keyframes: readonly number[];
  readonly seconds: number;
  readonly hasDurations?: boolean;
};

const create = (partTargetMs: number | null = null, hasAudio = false) =>
  new VideoSegmenter({ segmentTargetMs: 2000, partTargetMs, hasAudio });

function sampleAt(seconds: number, isKeyframe: boolean, durationTicks = 0) {
  const dtsTicks = Math.round(seconds * 90_000);
  return { dtsTicks, compositionTicks: 0, durationTicks, isKeyframe, data: new Uint8Array(1) };
}

function audioAt(seconds: number): TimedAudioFrame {
  const config = {
    kind: "audio",
    asc: new Uint8Array(2),
    sampleRateHz: 48_000,
    channels: 2,
    samplesPerFrame: 960,
  } as const;
  const times = { start90k: seconds * 90_000, end90k: (seconds + 0.02) * 90_000 };
  const ticks = { startTicks: seconds * 48_000, durationTicks: 960 };
  return { ...times, ...ticks, config, data: new Uint8Array(1) };
}

function cut({ partTargetMs = null, fps = 30, keyframes, seconds, hasDurations }: Options): Cut[] {
  const segmenter = create(partTargetMs);
  const cuts: Cut[] = [];
  for (let frame = 0; frame < seconds * fps; frame += 1) {
    const isKeyframe = keyframes.some((key) => Math.round(key * fps) === frame);
    const durationTicks = hasDurations ? Math.round(90_000 / fps) : 0;
    cuts.push(...segmenter.pushVideo(sampleAt(frame / fps, isKeyframe, durationTicks)));
  }
  return [...cuts, ...segmenter.end()];
}

const every = (seconds: number, until: number) =>
  Array.from({ length: Math.ceil(until / seconds) }, (_, index) => index * seconds);

/** Ends of the segments in seconds. */
const endsOf = (cuts: readonly Cut[]) =>
  cuts.flatMap((one) => (one.kind === "segmentEnd" ? [Math.round(one.end90k / 90) / 1000] : []));

const partsOf = (cuts: readonly Cut[]) => cuts.filter((one) => one.kind === "part");

describe("VideoSegmenter cuts segments", () => {
  test.each<[string, number[], number, number[]]>([
    ["at every keyframe of the start", [0, 1, 2, 4, 6, 8], 10, [1, 2, 4, 6, 8, 10]],
    ["at two seconds once it runs", every(1, 10), 10, [1, 2, 3, 4, 6, 8, 10]],
    ["at GOPs that do not fit into the target", every(1.5, 9), 9, [1.5, 3, 4.5, 6, 7.5, 9]],
    ["at several short GOPs", every(0.4, 9), 9, [0.8, 2, 3.2, 4.4, 6.4, 8.4, 9]],
    [
      "at a scene cut that the next keyframe is too far from",
      [0, 0.5, 2.5, 4.5, 6.5, 7.1, 9.1],
      10,
      [
        0.5,
        2.5,
        4.5,
        6.5,
        7.1,
        9.1,
        10,
      ],
    ],
    ["without a keyframe when none comes in time", [0], 6, [2.467, 4.933, 6]],
  ])("%s", (_, keyframes, seconds, expected) => {
    expect(endsOf(cut({ keyframes, seconds }))).toEqual(expected);
  });

  test("and begins with the first keyframe", () => {
    const [first] = partsOf(cut({ keyframes: [0.5, 1.5], seconds: 2 }));
    expect(first?.start90k).toBe(45_000);
  });

  test("without counting a hole in the video as picture", () => {
    const segmenter = create();
    const cuts = [0, 0.5, 1, 1.5, 9, 9.5].flatMap((seconds) =>
      segmenter.pushVideo(sampleAt(seconds, seconds === 0 || seconds === 9))
    );
    expect(endsOf([...cuts, ...segmenter.end()])).toEqual([2, 10]);
  });

  test("and leaves out samples that go back in time", () => {
    const segmenter = create();
    for (const seconds of [0, 0.1, 0.05, 0.1, 0.2]) {
      segmenter.pushVideo(sampleAt(seconds, seconds === 0));
    }
    expect(partsOf(segmenter.end())[0]?.video).toHaveLength(3);
  });

  test("with a discontinuity after breakTimeline(), at the next keyframe", () => {
    const segmenter = create();
    segmenter.pushVideo(sampleAt(0, true));
    expect(endsOf(segmenter.breakTimeline())).toEqual([0.033]);
    segmenter.pushVideo(sampleAt(0.1, false));
    segmenter.pushVideo(sampleAt(0.2, true));
    const [part] = partsOf(segmenter.end());
    expect(part).toMatchObject({ opensSegment: { isDiscontinuous: true }, start90k: 18_000 });
  });
});

describe("VideoSegmenter cuts parts", () => {
  test.each([[30, 10], [60, 20], [25, 8], [24_000 / 1001, 8], [50, 17], [15, 5]])(
    "of whole frames: at %f fps %i of them",
    (fps, frames) => {
      for (const hasDurations of [false, true]) {
        const keyframes = every(2, 8);
        const cuts = cut({ partTargetMs: 340, fps, keyframes, seconds: 8, hasDurations });
        const lengths = partsOf(cuts).map(({ video }) => video.length);
        expect(Math.max(...lengths)).toBe(frames);
        expect(lengths.filter((length) => length < frames).length).toBeLessThanOrEqual(4);
      }
    },
  );

  test("no longer than the target where frames come irregularly", () => {
    const segmenter = create(340);
    const times = [0, 0.033, 0.067, 0.1, 0.133, 0.167, 0.2, 0.233, 0.267, 0.42, 0.45, 0.7, 0.73];
    const cuts = times.flatMap((seconds) => segmenter.pushVideo(sampleAt(seconds, seconds === 0)));
    for (const part of partsOf([...cuts, ...segmenter.end()])) {
      expect(part.end90k - part.start90k).toBeLessThanOrEqual(0.34 * 90_000);
    }
  });

  test("as soon as the last frame is there when its duration is known", () => {
    const segmenter = create(340);
    const counts = Array.from(
      { length: 10 },
      (_, frame) => segmenter.pushVideo(sampleAt(frame / 30, frame === 0, 3000)).length,
    );
    expect(counts).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });
});

describe("VideoSegmenter gives a part the audio that starts within it", () => {
  function pushAudio(segmenter: VideoSegmenter, from: number, to: number): Cut[] {
    const cuts: Cut[] = [];
    for (let frame = Math.round(from * 50); frame < Math.round(to * 50); frame += 1) {
      cuts.push(...segmenter.pushAudio(audioAt(frame / 50)));
    }
    return cuts;
  }

  test("and waits for it when it comes late", () => {
    const segmenter = create(null, true);
    pushAudio(segmenter, 0, 0.5);
    const early = [0, 0.5, 1].flatMap((seconds) =>
      segmenter.pushVideo(sampleAt(seconds, seconds !== 0.5))
    );
    expect(early).toEqual([]);
    const [part] = partsOf(pushAudio(segmenter, 0.5, 1));
    const numbers = part?.audio.map(({ start90k }) => Math.round(start90k / 1800));
    expect(numbers).toEqual(every(1, 50));
  });

  test("but not for long when it does not come at all", () => {
    const segmenter = create(null, true);
    pushAudio(segmenter, 0, 0.5);
    const cuts = [0, 0.5, 1, 1.2, 1.3].flatMap((seconds) =>
      segmenter.pushVideo(sampleAt(seconds, seconds === 0 || seconds === 1))
    );
    expect(partsOf(cuts)[0]?.audio).toHaveLength(25);
  });

  test("and leaves out what was heard before the first picture", () => {
    const segmenter = create(null, true);
    pushAudio(segmenter, 0, 2.5);
    segmenter.pushVideo(sampleAt(1, true));
    const cuts = segmenter.pushVideo(sampleAt(2, true));
    expect(partsOf(cuts)[0]?.audio[0]?.start90k).toBe(90_000);
  });
});
