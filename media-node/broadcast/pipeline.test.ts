import { describe, expect, test } from "vitest";
import { DEFAULT_LADDER, ladderSchema } from "#shared/contracts/ladder.ts";
import type { LadderPolicy, SourceFacts } from "#shared/contracts/broadcast.ts";
import { silentLogger } from "#shared/log.ts";
import { until } from "#test/helpers/until.ts";
import type { Engine, EngineOutput, EngineStart } from "../ladder/engine.ts";
import { planLadder } from "../ladder/plan.ts";
import type { FlvTag, VideoSample } from "../formats/media.ts";
import type { Packager } from "../packager/port.ts";
import type { Source } from "../ingest/intake.ts";
import { Pipeline, planBroadcast, replan } from "./pipeline.ts";

const ladder = ladderSchema.parse(DEFAULT_LADDER);
const ENCODE: LadderPolicy = "encode";

function sourceOf(width: number, height: number, hasAac = true): Source {
  const video = { codec: "avc1.64001f", width, height, fps: 30, bitrateBps: null };
  const audio = { codec: hasAac ? "mp4a.40.2" : "MP3", sampleRateHz: 48_000, channels: 2 };
  const facts: SourceFacts = { video, audio, encoder: null };
  const header = { type: "video", dtsMs: 0, body: Uint8Array.of(0x17, 0) } as const;
  const asc = Uint8Array.of(0x11, 0x90);
  const config = { sampleRateHz: 48_000, channels: 2, samplesPerFrame: 1024 };
  const audioConfig = hasAac ? { kind: "audio" as const, asc, ...config } : null;
  const details = { isCommonFormat: true, hasBFrames: false };
  return { facts, details, videoHeader: header, audioHeader: null, audioConfig };
}

const videoTag = (dtsMs: number, isKeyframe = true): FlvTag => ({
  type: "video",
  dtsMs,
  body: Uint8Array.of(isKeyframe ? 0x17 : 0x27, 1, 0, 0, 0, 9),
});
const audioTag = (dtsMs: number): FlvTag => ({
  type: "audio",
  dtsMs,
  body: Uint8Array.of(0xaf, 1, 7),
});
const sample: VideoSample = {
  dtsTicks: 0,
  compositionTicks: 0,
  durationTicks: 3000,
  isKeyframe: true,
  data: new Uint8Array(1),
};

type BenchOptions = { readonly isEngineFull?: boolean; readonly policy?: LadderPolicy };

/** Writes down what happens, in order; engines stop when they are told to. */
function createBench(source: Source, { isEngineFull = false, policy = ENCODE }: BenchOptions = {}) {
  const events: string[] = [];
  const outputs: EngineOutput[] = [];
  const stops: (() => void)[] = [];
  const createEngine = (): Engine => {
    const number = outputs.length + 1;
    return {
      speed: 1,
      shortfall: null,
      start: ({ rungs, resume }: EngineStart, output) => {
        outputs.push(output);
        events.push(`engine ${number} ${rungs.map(({ width }) => width).join(" ")}`);
        if (resume !== null) events.push(`engine ${number} resumes ${resume.tags.length}`);
      },
      push: (tag) => {
        events.push(`engine ${number} ${tag.type} ${tag.dtsMs}`);
        return !isEngineFull;
      },
      stop: () =>
        new Promise((resolve) =>
          stops.push(() => {
            output(number - 1).onVideoSample("low", sample);
            resolve();
          })
        ),
    };
  };
  const output = (index: number) => outputs[index] as EngineOutput;
  const packager: Packager = {
    isPlayable: false,
    recordedBytes: 0,
    issues: [],
    setVideoConfig: () => events.push("video config"),
    setAudioConfig: () => events.push("audio config"),
    pushVideo: (rung) => events.push(`sample ${rung}`),
    pushAudio: ({ ptsMs, data }) => events.push(`audio ${ptsMs} ${data.join()}`),
    endMs: 0,
    useClock: () => {},
    markDiscontinuity: () => events.push("discontinuity"),
    end: () => {
      events.push("end");
      return Promise.resolve({ durationMs: 1, segments: 1, recordedBytes: 1 });
    },
  };
  const pipeline = new Pipeline(source, {
    ladder,
    policy,
    plan: planBroadcast({ ladder, policy }, source),
    packager,
    onPicture: null,
    log: silentLogger,
    segmentTargetMs: 2000,
    createEngine,
    onBackpressure: (isFull) => events.push(isFull ? "hold back" : "go on"),
    onFailure: (error) => events.push(error.message),
  });
  const finishStop = async () => (await until(() => stops.shift(), 1000))();
  return { pipeline, events, output, finishStop };
}

describe("Pipeline", () => {
  test("sends video through the engine and AAC straight to the packager", () => {
    const { pipeline, events } = createBench(sourceOf(640, 360));
    pipeline.push(videoTag(0));
    pipeline.push(audioTag(5));
    expect(events).toEqual(["audio config", "engine 1 640", "engine 1 video 0", "audio 5 7"]);
  });

  test("sends audio that is not AAC through the engine", () => {
    const { pipeline, events } = createBench(sourceOf(640, 360, false));
    pipeline.push(audioTag(5));
    expect(events).toEqual(["engine 1 640", "engine 1 audio 5"]);
  });

  test("changes engines in order: the old one's last samples, a discontinuity, the new one", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(640, 360));
    pipeline.changeTo(sourceOf(360, 640));
    pipeline.push(videoTag(100));
    pipeline.push(audioTag(101));
    await finishStop();
    await until(() => events.includes("audio 101 7"), 1000);
    expect(events.slice(2)).toEqual([
      "go on",
      "sample low",
      "discontinuity",
      "audio config",
      "engine 2 360",
      "engine 2 video 100",
      "audio 101 7",
    ]);
  });

  test("goes through two changes in a row without mixing their tags", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(640, 360));
    pipeline.changeTo(sourceOf(360, 640));
    pipeline.push(videoTag(1));
    pipeline.changeTo(sourceOf(640, 360));
    pipeline.push(videoTag(2));
    await finishStop();
    await finishStop();
    await until(() => events.includes("engine 3 video 2"), 1000);
    const pushes = events.filter((event) => /engine \d video/.test(event));
    expect(pushes).toEqual(["engine 2 video 1", "engine 3 video 2"]);
  });

  test("holds the source back while the engine is full", () => {
    const { pipeline, events, output } = createBench(sourceOf(640, 360), { isEngineFull: true });
    pipeline.push(videoTag(0));
    output(0).onDrain();
    expect(events.slice(-2)).toEqual(["hold back", "go on"]);
  });

  test("writes a copied source itself, and goes on encoding it where it stops qualifying", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(1280, 720), { policy: "auto" });
    pipeline.push(videoTag(0));
    for (let dtsMs = 100; dtsMs <= 2300; dtsMs += 100) pipeline.push(videoTag(dtsMs, false));
    pipeline.push(videoTag(2400, false));
    expect(events.slice(0, 5)).toEqual([
      "audio config",
      "video config",
      "engine 1 640 854",
      "sample high",
      "engine 1 video 0",
    ]);
    expect(events.filter((event) => event === "sample high")).toHaveLength(23);
    await finishStop();
    await until(() => events.includes("engine 2 video 2400"), 1000);
    expect(events).not.toContain("discontinuity");
    const resumed = events.slice(events.indexOf("engine 2 640 854 1280"));
    expect(resumed).toEqual([
      "engine 2 640 854 1280",
      "engine 2 resumes 24",
      // It came faster than time goes by, so it had to wait for the change.
      "go on",
      "engine 2 video 2400",
    ]);
  });

  test("is the source alone where the channel wants that", () => {
    const { pipeline, events } = createBench(sourceOf(1280, 720), { policy: "copy" });
    pipeline.push(videoTag(0));
    expect(events).toEqual(["audio config", "video config", "sample high"]);
  });

  test("shows the copy everywhere when the engine is gone", () => {
    const { pipeline, events, output } = createBench(sourceOf(1280, 720), { policy: "auto" });
    pipeline.push(videoTag(0));
    output(0).onFailure(new Error("dead"));
    expect(pipeline.issues).toMatchObject([{ code: "DEGRADED" }]);
    events.length = 0;
    pipeline.push(videoTag(100, false));
    pipeline.push(videoTag(200));
    expect(events).toEqual([
      "sample high",
      ...["sample high", "video config", "video config", "sample low", "sample mid"],
    ]);
  });

  test("does not hold a copied source back for a full engine", () => {
    const options = { policy: "auto", isEngineFull: true } as const;
    const { pipeline, events } = createBench(sourceOf(1280, 720), options);
    pipeline.push(videoTag(0));
    expect(events).not.toContain("hold back");
  });

  test("holds back what is ahead of its time: beside a copy, and while engines change", () => {
    const options = { policy: "auto", isEngineFull: true } as const;
    const { pipeline, events } = createBench(sourceOf(1280, 720), options);
    pipeline.push(videoTag(0));
    expect(events).not.toContain("hold back");
    pipeline.push(videoTag(2000));
    expect(events).toContain("hold back");

    const { pipeline: changing, events: changes } = createBench(sourceOf(640, 360));
    changing.push(videoTag(0));
    changing.changeTo(sourceOf(360, 640));
    changing.push(videoTag(1000));
    expect(changes).not.toContain("hold back");
    changing.push(videoTag(3000));
    expect(changes).toContain("hold back");
  });

  test("end() delivers what is under way, closes the packager and takes nothing more", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(640, 360));
    const ending = pipeline.end();
    await finishStop();
    expect(await ending).toMatchObject({ segments: 1 });
    pipeline.push(videoTag(9));
    expect(events.slice(-2)).toEqual(["sample low", "end"]);
  });
});

describe("replan()", () => {
  const plan = planLadder(ladder, sourceOf(1280, 720).facts);

  test("keeps the rungs and turns them when the source is turned", () => {
    const next = replan({ ladder, policy: ENCODE, plan }, sourceOf(720, 1280), true);
    expect(next.rungs.map(({ name, width, height }) => `${name} ${width}x${height}`)).toEqual([
      "low 360x640",
      "mid 480x854",
      "high 720x1280",
    ]);
  });

  test("fills rungs that the new source is too small for with its largest picture", () => {
    const next = replan({ ladder, policy: ENCODE, plan }, sourceOf(640, 360), true);
    expect(next.rungs.map(({ name, width }) => `${name} ${width}`)).toEqual([
      "low 640",
      "mid 640",
      "high 640",
    ]);
  });
});
