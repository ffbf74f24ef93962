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

/** Frames of 1/30 s whose clock is `skewMs(frame)` ahead; audio of 20 ms beside them. */
type Clock = {
  readonly skewMs: (frame: number) => number;
  readonly partTargetMs?: number | null;
  readonly seconds?: number;
  readonly isHeard?: (seconds: number) => boolean;
  /** Samples from this frame on have another description. */
  readonly renewedAt?: number;
  readonly isThere?: (frame: number) => boolean;
  readonly gopFrames?: number;
};

const CONFIG = { kind: "video", avcC: new Uint8Array(), width: 320, height: 180 } as const;
const always = () => true;

function runClock(clock: Clock) {
  const { skewMs, partTargetMs = 340, seconds = 12, gopFrames = 60 } = clock;
  const { isHeard = always, isThere = always, renewedAt } = clock;
  const segmenter = create(partTargetMs, true);
  const cuts: Cut[] = [];
  let audioFrame = 0;
  let lastTicks = -1;
  for (let frame = 0; frame < seconds * 30; frame += 1) {
    const dtsTicks = Math.max(frame * 3000 + Math.round(skewMs(frame) * 90), lastTicks + 90);
    for (; audioFrame * 1800 <= dtsTicks; audioFrame += 1) {
      if (isHeard(audioFrame / 50)) cuts.push(...segmenter.pushAudio(audioAt(audioFrame / 50)));
    }
    if (frame === renewedAt) segmenter.useVideo(CONFIG);
    if (!isThere(frame)) continue;
    // A source's clock takes some frames to trust its rate again.
    const isSteady = dtsTicks - lastTicks === 3000 && frame > 4;
    lastTicks = dtsTicks;
    const durationTicks = isSteady ? 3000 : 0;
    const isKeyframe = frame % gopFrames === 0 || frame === renewedAt;
    cuts.push(
      ...segmenter.pushVideo({ ...sampleAt(0, isKeyframe, durationTicks), dtsTicks }),
    );
  }
  return [...cuts, ...segmenter.end()];
}

/** What a playlist promises of parts and segments, as sentences where it is broken. */
function breachesOf(cuts: readonly Cut[], partTargetMs: number | null): string[] {
  const targetTicks = partTargetMs === null ? Infinity : partTargetMs * 90;
  const breaches: string[] = [];
  let end90k: number | null = null;
  let videoEnd: number | null = null;
  for (const [index, one] of cuts.entries()) {
    if (one.kind === "segmentEnd") {
      if (one.end90k !== end90k) breaches.push(`a segment ends at ${one.end90k}, not ${end90k}`);
      continue;
    }
    if (one.opensSegment?.isDiscontinuous === true) [end90k, videoEnd] = [null, null];
    if (one.start90k !== (end90k ?? one.start90k)) breaches.push(`a hole before ${one.start90k}`);
    const ticks = one.end90k - one.start90k;
    const isLast = cuts[index + 1]?.kind === "segmentEnd";
    if (ticks > targetTicks + 1) breaches.push(`a part of ${ticks / 90} ms`);
    if (!isLast && ticks < targetTicks * 0.85) breaches.push(`a short part of ${ticks / 90} ms`);
    if (one.video.length + one.audio.length === 0) breaches.push("an empty part");
    for (const { dtsTicks, durationTicks } of one.video) {
      if (dtsTicks !== (videoEnd ?? dtsTicks)) breaches.push(`a frame at ${dtsTicks}`);
      if (!(durationTicks > 0)) breaches.push(`a frame lasts ${durationTicks}`);
      videoEnd = dtsTicks + durationTicks;
    }
    end90k = one.end90k;
  }
  return breaches;
}

describe("VideoSegmenter lays parts end to end where the source's clock", () => {
  const jumps = [11, -11, 2, -2, 33, 150, 300, -300, 500, 900];
  test.each(jumps.flatMap((ms) => [60, 65, 73].map((at) => [ms, at] as const)))(
    "jumps by %i ms before frame %i",
    (jumpMs, at) => {
      for (const partTargetMs of [340, 210, null]) {
        const cuts = runClock({ skewMs: (frame) => (frame >= at ? jumpMs : 0), partTargetMs });
        expect(breachesOf(cuts, partTargetMs)).toEqual([]);
        const frames = partsOf(cuts).reduce((sum, { video }) => sum + video.length, 0);
        // A keyframe behind a gap is shown early, and again where it belongs.
        const isAgain = at % 60 === 0 && jumpMs >= 33;
        const again = isAgain ? Math.ceil(jumpMs / (partTargetMs ?? jumpMs)) : 0;
        expect(frames - 360).toBeLessThanOrEqual(again);
        expect(frames).toBeGreaterThanOrEqual(360);
        expect(partsOf(cuts).at(-1)?.end90k).toBeCloseTo(12 * 90_000 + jumpMs * 90, -1);
      }
    },
  );

  test.each([1, 2, 3, 4, 5])("runs unevenly (%i)", (seed) => {
    let state = seed;
    const next = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    let skew = 0;
    const skews = Array.from(
      { length: 1800 },
      () => (skew += (next() < 0.1 ? 400 : 9) * (next() - 0.5)),
    );
    for (const partTargetMs of [340, 210, null]) {
      const cuts = runClock({ skewMs: (frame) => skews[frame] ?? 0, partTargetMs, seconds: 60 });
      expect(breachesOf(cuts, partTargetMs)).toEqual([]);
    }
  });
});

describe("VideoSegmenter goes through a hole of 5 s in the video", () => {
  const skewMs = (frame: number) => (frame >= 200 ? 5000 : 0);

  test.each([340, 210, null])("with what is heard meanwhile (parts of %s ms)", (partTargetMs) => {
    const cuts = runClock({ skewMs, partTargetMs });
    expect(breachesOf(cuts.map(withoutVideo), partTargetMs)).toEqual([]);
    const heard = partsOf(cuts).flatMap(({ audio }) =>
      audio.map(({ start90k }) => start90k / 1800)
    );
    expect(heard.map(Math.round)).toEqual(every(1, 849));
    expect(partsOf(cuts).some(({ opensSegment }) => opensSegment?.isDiscontinuous)).toBe(false);
    const lengths = endsOf(cuts).map((end, index, all) => end - (all[index - 1] ?? 0));
    expect(Math.max(...lengths)).toBeLessThan(2.5);
  });

  test.each([340, 210, null])(
    "alike where the picture after it is described anew (parts of %s ms)",
    (partTargetMs) => {
      const cuts = runClock({ skewMs, partTargetMs, renewedAt: 200 });
      expect(breachesOf(cuts.map(withoutVideo), partTargetMs)).toEqual([]);
      const goOn = runClock({ skewMs, partTargetMs });
      const untilS = 200 / 30 + 5;
      expect(endsOf(cuts).filter((end) => end < untilS - 0.1))
        .toEqual(endsOf(goOn).filter((end) => end < untilS - 0.1));
      const renewed = partsOf(cuts).filter(({ opensSegment }) => opensSegment?.videoConfig);
      expect(renewed.map(({ opensSegment }) => opensSegment))
        .toEqual([{ isDiscontinuous: false, videoConfig: CONFIG }]);
      // Less than a part of 0.2 s is not worth waiting for.
      const earlyS = untilS - (renewed[0]?.start90k ?? 0) / 90_000;
      expect([earlyS > -0.001, earlyS < 0.2]).toEqual([true, true]);
      expect(renewed[0]?.isIndependent).toBe(true);
    },
  );

  test.each([60, 45, 30, 20])(
    "that a rendition alone has, with the cuts of the others (GOPs of %i frames)",
    (gopFrames) => {
      for (const partTargetMs of [340, 210, null]) {
        const clock = { skewMs: () => 0, partTargetMs, gopFrames, seconds: 24 };
        // As many whole GOPs as make more than a second.
        const missing = gopFrames * Math.ceil(40 / gopFrames);
        const isThere = (frame: number) => frame < 180 || frame >= 180 + missing;
        const cuts = runClock({ ...clock, isThere });
        expect(breachesOf(cuts.map(withoutVideo), partTargetMs)).toEqual([]);
        expect(endsOf(cuts)).toEqual(endsOf(runClock(clock)));
      }
    },
  );

  test("that another encoder's frames end, without a break in time", () => {
    const segmenter = create(340, true);
    const cuts: Cut[] = [];
    for (let frame = 0; frame < 500; frame += 1) {
      if (frame === 120) cuts.push(...segmenter.end());
      cuts.push(...segmenter.pushAudio(audioAt(frame / 50)));
      if (frame >= 120 && frame < 300) continue;
      cuts.push(...segmenter.pushVideo(sampleAt(frame / 50, frame % 100 === 0)));
    }
    cuts.push(...segmenter.end());
    expect(breachesOf(cuts.map(withoutVideo), 340)).toEqual([]);
    expect(partsOf(cuts).some(({ opensSegment }) => opensSegment?.isDiscontinuous)).toBe(false);
    expect(partsOf(cuts).reduce((sum, { audio }) => sum + audio.length, 0)).toBe(500);
  });

  test("as a break in time when nothing is heard", () => {
    const cuts = runClock({ skewMs, isHeard: (seconds) => seconds < 6 || seconds > 11 });
    expect(breachesOf(cuts, 340)).toEqual([]);
    const breaks = partsOf(cuts).filter(({ opensSegment }) => opensSegment?.isDiscontinuous);
    expect(breaks.map(({ start90k, isIndependent }) => [start90k / 90_000, isIndependent]))
      .toEqual([[13, true]]);
  });
});

/** The frames of a hole are missing; the parts are not. */
function withoutVideo(one: Cut): Cut {
  return one.kind === "part" ? { ...one, video: one.video.slice(0, 0) } : one;
}

describe("VideoSegmenter, behind a gap that what was published cannot fill", () => {
  /** Frames of known duration at 15 fps until 1.8 s; then one at `backS`. */
  function runUntil(segmenter: VideoSegmenter): Cut[] {
    const cuts: Cut[] = [];
    for (let frame = 0; frame < 27; frame += 1) {
      cuts.push(...segmenter.pushVideo(sampleAt(frame / 15, frame % 15 === 0, 6000)));
    }
    return cuts;
  }
  const keysOf = (cuts: readonly Cut[]) =>
    partsOf(cuts).flatMap(({ video }) => video).filter(({ isKeyframe }) => isKeyframe)
      .map(({ dtsTicks }) => Math.round(dtsTicks / 90));

  test("shows a keyframe early, and again where it belongs, so that its segment is not too long", () => {
    const segmenter = create(340);
    const cuts = runUntil(segmenter);
    for (let frame = 36; frame < 36 + 36; frame += 1) {
      const isKeyframe = frame === 36 || frame === 66;
      cuts.push(...segmenter.pushVideo(sampleAt(frame / 15, isKeyframe, 6000)));
    }
    cuts.push(...segmenter.end());
    expect(keysOf(cuts)).toEqual([0, 1000, 2007, 2347, 2400, 4400]);
    const starts = partsOf(cuts).filter(({ opensSegment }) => opensSegment !== null);
    expect(starts.every(({ isIndependent }) => isIndependent)).toBe(true);
    expect(breachesOf(cuts, 340)).toEqual([]);
  });

  test("a picture that stands still is shown until the next one comes", () => {
    const segmenter = create(340, true);
    const cuts: Cut[] = [];
    for (let at = 0; at < 4; at += 0.02) cuts.push(...segmenter.pushAudio(audioAt(at)));
    cuts.push(...runUntil(segmenter));
    const standStill = { sinceTicks: 26 * 6000, untilTicks: 3.5 * 90_000, isFinal: false };
    cuts.push(...segmenter.standStill(standStill));
    for (let frame = 60; frame < 75; frame += 1) {
      cuts.push(...segmenter.pushVideo(sampleAt(frame / 15, frame === 60, 6000)));
    }
    cuts.push(...segmenter.end());
    expect(keysOf(cuts)).toContain(4000);
    expect(breachesOf(cuts, 340)).toEqual([]);
    expect(partsOf(cuts).at(-1)?.end90k).toBe(5 * 90_000);
  });

  test("a picture that stands still keeps its description when another one is announced", () => {
    const segmenter = create(340, true);
    const cuts: Cut[] = [];
    segmenter.useVideo(CONFIG);
    for (let at = 0; at < 6; at += 0.02) cuts.push(...segmenter.pushAudio(audioAt(at)));
    cuts.push(...runUntil(segmenter));
    segmenter.useVideo({ ...CONFIG, width: 640 });
    cuts.push(
      ...segmenter.standStill({ sinceTicks: 26 * 6000, untilTicks: 5 * 90_000, isFinal: false }),
    );
    for (let frame = 75; frame < 90; frame += 1) {
      cuts.push(...segmenter.pushVideo(sampleAt(frame / 15, frame === 75, 6000)));
    }
    cuts.push(...segmenter.end());
    const described = partsOf(cuts).flatMap(({ opensSegment, start90k }) => {
      const width = opensSegment?.videoConfig?.width;
      return width === undefined ? [] : [[width, Math.round(start90k / 90)]];
    });
    expect(described).toEqual([[CONFIG.width, 0], [640, 5000]]);
    expect(breachesOf(cuts, 340)).toEqual([]);
  });

  test("but not for longer than a hole may last", () => {
    const segmenter = create(340, true);
    for (let at = 0; at < 4; at += 0.02) segmenter.pushAudio(audioAt(at));
    runUntil(segmenter);
    segmenter.standStill({ sinceTicks: 26 * 6000, untilTicks: 3.5 * 90_000, isFinal: false });
    const cuts = segmenter.pushVideo(sampleAt(3600, true, 6000));
    expect(partsOf(cuts).reduce((sum, { video }) => sum + video.length, 0)).toBeLessThan(4);
  });
});
