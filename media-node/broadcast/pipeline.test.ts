import { describe, expect, test } from "vitest";
import { ladderSchema } from "#shared/contracts/ladder.ts";
import type { LadderPolicy } from "#shared/contracts/broadcast.ts";
import { createLogger } from "#shared/log.ts";
import { audioFrame, sourceOf, videoFrame } from "#test/helpers/source.ts";
import { until } from "#test/helpers/until.ts";
import type { EngineOutput, RunningEngine, StartEngine } from "../ladder/engine.ts";
import { TICKS_PER_MS, type VideoSample } from "../formats/media.ts";
import type { Packager } from "../packager/port.ts";
import type { Source } from "../ingest/source.ts";
import { planBroadcast } from "./broadcast-plan.ts";
import { Pipeline } from "./pipeline.ts";

const ladder = ladderSchema.parse("low=360@800,mid=480@1400,high=720@2800");
const ENCODE: LadderPolicy = "encode";

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
  const startEngine: StartEngine = ({ rungs, resume, audio }, out): RunningEngine => {
    outputs.push(out);
    const number = outputs.length;
    const codecs = audio === null ? [] : [audio.codec];
    const made = [...rungs.map(({ width }) => width), ...codecs].join(" ");
    events.push(`engine ${number} ${made}`);
    if (resume !== null) events.push(`engine ${number} resumes ${resume.frames.length}`);
    return {
      pace: { speed: 1, lagMs: 0 },
      shortfall: null,
      push: ({ track, dtsTicks }) => {
        events.push(`engine ${number} ${track} ${dtsTicks / TICKS_PER_MS}`);
        return !isEngineFull;
      },
      stop: () =>
        new Promise<void>((resolve) =>
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
    pushAudio: ({ dtsTicks, data }) => {
      events.push(`audio ${dtsTicks / TICKS_PER_MS} ${data.join()}`);
    },
    noteCaptions: () => {},
    standStill: ({ sinceTicks, untilTicks }) => {
      const sinceMs = sinceTicks === null ? "the start" : sinceTicks / TICKS_PER_MS;
      events.push(`still from ${sinceMs} to ${untilTicks / TICKS_PER_MS}`);
    },
    endMs: 0,
    useClock: () => {},
    useRungs: (rungs) => {
      if (rungs.some(({ isCopy }) => isCopy)) events.push("with a copy");
    },
    markDiscontinuity: () => events.push("discontinuity"),
    end: () => {
      events.push("end");
      return Promise.resolve({ durationMs: 1, segments: 1, recordedBytes: 1 });
    },
  };
  const log = createLogger({
    level: "debug",
    write: ({ event, ...fields }) => events.push(`${event} ${String(fields["reason"])}`),
  });
  const pipeline = new Pipeline(source, {
    ladder,
    policy,
    plan: planBroadcast({ ladder, policy }, source),
    packager,
    pictures: null,
    log,
    segmentTargetMs: 2000,
    startEngine,
    onBackpressure: (isFull) => events.push(isFull ? "hold back" : "go on"),
    onFailure: (error) => events.push(error.message),
    onUnsupported: (sentence) => events.push(sentence),
  });
  const finishStop = async () => (await until(() => stops.shift(), 1000))();
  return { pipeline, events, output, finishStop };
}

describe("Pipeline", () => {
  test("sends video through the engine and AAC straight to the packager", () => {
    const { pipeline, events } = createBench(sourceOf(640, 360));
    pipeline.push(videoFrame(0));
    pipeline.push(audioFrame(5));
    expect(events).toEqual(["audio config", "engine 1 640", "engine 1 video 0", "audio 5 7"]);
  });

  test("sends audio that is not AAC through the engine", () => {
    const { pipeline, events } = createBench(sourceOf(640, 360, "MP3"));
    pipeline.push(audioFrame(5));
    expect(events).toEqual(["engine 1 640 MP3", "engine 1 audio 5"]);
  });

  test("changes engines in order: the old one's last samples, a discontinuity, the new one", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(640, 360));
    pipeline.restartWith(sourceOf(360, 640));
    pipeline.push(videoFrame(100));
    pipeline.push(audioFrame(101));
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

  test("a source of another size takes another engine, a description alone does not", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(640, 360));
    events.length = 0;
    pipeline.changeTo({ ...sourceOf(640, 360), audio: sourceOf(1, 1).audio });
    expect(events).toEqual(["audio config"]);
    pipeline.push(videoFrame(40));
    expect(events).toEqual(["audio config", "engine 1 video 40"]);
    pipeline.changeTo(sourceOf(360, 640));
    pipeline.push(videoFrame(80));
    await finishStop();
    await until(() => events.includes("engine 2 video 80"), 1000);
    expect(events).toContain("discontinuity");
  });

  test("a copied source whose parameter sets change is described anew, beside the same engine", () => {
    const { pipeline, events } = createBench(sourceOf(1280, 720), { policy: "auto" });
    pipeline.push(videoFrame(0));
    events.length = 0;
    pipeline.changeTo(sourceOf(1280, 720));
    pipeline.push(videoFrame(100, false));
    expect(events).toEqual(["video config", "audio config", "sample high", "engine 1 video 100"]);
  });

  test("what joins an engine that encodes the audio takes another engine", async () => {
    const { pipeline, events, finishStop } = createBench({ ...sourceOf(640, 360), audio: null });
    pipeline.changeTo(sourceOf(640, 360, "MP3"));
    pipeline.push(audioFrame(50));
    await finishStop();
    await until(() => events.includes("engine 2 audio 50"), 1000);
    expect(events).toContain("engine 2 640 MP3");
  });

  test("distrust() ends the copy, and goes on encoding without a break", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(1280, 720), { policy: "auto" });
    pipeline.push(videoFrame(0));
    pipeline.push(videoFrame(33, false));
    expect(pipeline.renditions.at(-1)?.isCopy).toBe(true);
    pipeline.distrust("its keyframes are not where it says");
    pipeline.push(videoFrame(66, false));
    await finishStop();
    await until(() => events.includes("engine 2 video 66"), 1000);
    expect(events).toContain("engine 2 640 854 1280");
    expect(events).toContain("engine 2 resumes 2");
    expect(events).not.toContain("discontinuity");
    expect(events).toContain("broadcast.copy_ended its keyframes are not where it says");
    expect(pipeline.renditions.at(-1)?.isCopy).toBe(false);
  });

  test.each([
    ["its keyframes are more than 2 s apart", [videoFrame(0), videoFrame(2300, false)]],
    [
      "its bitrate is above the ceiling of the ladder",
      Array.from({ length: 12 }, (_, second) => ({
        ...videoFrame(second * 1000),
        data: new Uint8Array(1_000_000),
      })),
    ],
  ])("a copy is given up when %s, which is logged", async (reason, frames) => {
    const { pipeline, events, finishStop } = createBench(sourceOf(1280, 720), { policy: "auto" });
    for (const frame of frames) pipeline.push(frame);
    await finishStop();
    await until(() => events.includes(`broadcast.copy_ended ${reason}`), 1000);
    expect(pipeline.renditions.some(({ isCopy }) => isCopy)).toBe(false);
  });

  test("distrust() while engines change ends the copy and says so", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(1280, 720), { policy: "auto" });
    pipeline.restartWith(sourceOf(1280, 720));
    pipeline.distrust("its keyframes are not where it says");
    await finishStop();
    await until(() => events.includes("engine 2 640 854 1280"), 1000);
    expect(events.filter((event) => event.startsWith("broadcast.")))
      .toEqual(["broadcast.copy_ended its keyframes are not where it says"]);
  });

  test("goes through two changes in a row without mixing their frames", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(640, 360));
    pipeline.restartWith(sourceOf(360, 640));
    pipeline.push(videoFrame(1));
    pipeline.restartWith(sourceOf(640, 360));
    pipeline.push(videoFrame(2));
    await finishStop();
    await finishStop();
    await until(() => events.includes("engine 3 video 2"), 1000);
    const pushes = events.filter((event) => /engine \d video/.test(event));
    expect(pushes).toEqual(["engine 2 video 1", "engine 3 video 2"]);
  });

  test("of more changes than can wait the newest is the next one", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(640, 360));
    for (let change = 1; change <= 12; change += 1) {
      pipeline.changeTo(sourceOf(640 - 2 * (change % 7), 360));
      pipeline.push(videoFrame(change));
    }
    expect(pipeline.issues).toEqual([{ code: "SOURCE_UNSTEADY", measured: 12, wanted: 0 }]);
    for (let stop = 1; stop <= 4; stop += 1) await finishStop();
    await until(() => events.includes("engine 5 video 12"), 1000);
    const pushes = events.filter((event) => /engine \d video/.test(event));
    expect(pushes).toEqual([
      "engine 3 video 10",
      "engine 4 video 11",
      "engine 5 video 12",
    ]);
  });

  test("says of a source that never stays itself that it cannot be carried", () => {
    const { pipeline, events } = createBench(sourceOf(640, 360));
    const sources = [sourceOf(360, 640), sourceOf(640, 360)];
    for (let change = 0; change < 61; change += 1) {
      pipeline.changeTo(sources[change % 2] ?? sourceOf(1, 1));
    }
    expect(events.at(-1)).toMatch(/^The picture or the sound changed its format 61 times /);
  });

  test("holds the source back while the engine is full", () => {
    const { pipeline, events, output } = createBench(sourceOf(640, 360), { isEngineFull: true });
    pipeline.push(videoFrame(0));
    output(0).onDrain();
    expect(events.slice(-2)).toEqual(["hold back", "go on"]);
  });

  test("writes a copied source itself, and goes on encoding it where it stops qualifying", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(1280, 720), { policy: "auto" });
    pipeline.push(videoFrame(0));
    for (let dtsMs = 100; dtsMs <= 2300; dtsMs += 100) pipeline.push(videoFrame(dtsMs, false));
    pipeline.push(videoFrame(2400, false));
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
    pipeline.push(videoFrame(0));
    expect(events).toEqual(["audio config", "video config", "sample high"]);
  });

  test("shows the copy everywhere when the engine is gone", () => {
    const { pipeline, events, output } = createBench(sourceOf(1280, 720), { policy: "auto" });
    pipeline.push(videoFrame(0));
    output(0).onFailure(new Error("dead"));
    expect(pipeline.issues).toMatchObject([{ code: "ENCODER_LOST" }]);
    events.length = 0;
    pipeline.push(videoFrame(100, false));
    pipeline.push(videoFrame(200));
    expect(events).toEqual([
      "sample high",
      ...["sample high", "video config", "video config", "sample low", "sample mid"],
    ]);
  });

  test("does not hold a copied source back for a full engine", () => {
    const options = { policy: "auto", isEngineFull: true } as const;
    const { pipeline, events } = createBench(sourceOf(1280, 720), options);
    pipeline.push(videoFrame(0));
    expect(events).not.toContain("hold back");
  });

  test("holds back what is ahead of its time: beside a copy, and while engines change", () => {
    const options = { policy: "auto", isEngineFull: true } as const;
    const { pipeline, events } = createBench(sourceOf(1280, 720), options);
    pipeline.push(videoFrame(0));
    expect(events).not.toContain("hold back");
    pipeline.push(videoFrame(2000));
    expect(events).toContain("hold back");

    const { pipeline: changing, events: changes } = createBench(sourceOf(640, 360));
    changing.push(videoFrame(0));
    changing.restartWith(sourceOf(360, 640));
    changing.push(videoFrame(1000));
    expect(changes).not.toContain("hold back");
    changing.push(videoFrame(3000));
    expect(changes).toContain("hold back");
  });

  test("the picture stands still while a source goes on without pictures", () => {
    const { pipeline, events } = createBench(sourceOf(640, 360));
    pipeline.push(videoFrame(0));
    pipeline.push(audioFrame(990));
    expect(events).not.toContainEqual(expect.stringContaining("still"));
    pipeline.push(audioFrame(1010));
    expect(events.slice(-2)).toEqual(["audio 1010 7", "still from 0 to 1010"]);
    pipeline.push(videoFrame(1020));
    pipeline.push(audioFrame(1030));
    expect(events.at(-1)).toBe("audio 1030 7");
  });

  test("end() delivers what is under way, closes the packager and takes nothing more", async () => {
    const { pipeline, events, finishStop } = createBench(sourceOf(640, 360));
    const ending = pipeline.end();
    await finishStop();
    expect(await ending).toMatchObject({ segments: 1 });
    pipeline.push(videoFrame(9));
    expect(events.slice(-2)).toEqual(["sample low", "end"]);
  });
});
