import { beforeAll, describe, expect, test } from "vitest";
import type { TestPattern } from "#test/helpers/ffmpeg.ts";
import { recordMedia } from "#test/helpers/media-source.ts";
import type { MediaFrame } from "../formats/media.ts";
import type { EncoderPace } from "../ladder/engine.ts";
import { BroadcastHealth, type SourceHealth } from "./health.ts";

const SOURCE: SourceHealth = { ceilingBps: 600_000, declaredBps: null, encodedAudio: null };
const BUSY: EncoderPace = { speed: 0.8, lagMs: 1000 };
const CBR = ["-maxrate", "500k", "-bufsize", "500k"];
const CLEAN = { keyframeSeconds: 2, videoBitrate: "500k", videoOptions: CBR, seconds: 45 } as const;

/** What an encoder sends, in the order it sends it. */
async function record(pattern: Partial<TestPattern> = {}): Promise<MediaFrame[]> {
  const events = await recordMedia({ ...CLEAN, ...pattern });
  return events.flatMap((event): MediaFrame[] => {
    const dtsTicks = event.dtsMs * 90;
    if (event.kind === "video") {
      const { compositionTicks, isKeyframe, data } = event.sample;
      return [{ track: "video", dtsTicks, compositionTicks, isKeyframe, data }];
    }
    if (event.kind !== "audio") return [];
    const { data } = event.frame;
    return [{ track: "audio", dtsTicks, compositionTicks: 0, isKeyframe: true, data }];
  });
}

type Replay = {
  readonly source?: Partial<SourceHealth>;
  /** When a frame arrives; default: on time. */
  readonly arrivalMs?: (frame: MediaFrame, index: number) => number;
  readonly encoder?: EncoderPace;
  readonly heldBackAtMs?: number;
};

/** Each code with the second it was first found at, and the last finding of each. */
function replay(frames: readonly MediaFrame[], options: Replay = {}) {
  const health = new BroadcastHealth();
  health.restart({ ...SOURCE, ...options.source });
  const since = new Map<string, number>();
  const seen = new Map<string, number>();
  const found = new Map<string, object>();
  let second = 0;
  let held = options.heldBackAtMs ?? Infinity;
  for (const [index, frame] of frames.entries()) {
    const atMs = 1000 + (options.arrivalMs?.(frame, index) ?? frame.dtsTicks / 90);
    for (; second < Math.floor(atMs / 1000); second += 1) {
      for (const finding of health.findings(second * 1000, options.encoder ?? null)) {
        if (!since.has(finding.code)) since.set(finding.code, second - 1);
        seen.set(finding.code, (seen.get(finding.code) ?? 0) + 1);
        found.set(finding.code, finding);
      }
    }
    if (atMs >= held) health.noteHeldBack(atMs);
    if (atMs >= held) held = Infinity;
    health.push(frame, atMs);
  }
  return { codes: [...found.keys()], since, seen, found };
}

const timeS = ({ dtsTicks }: MediaFrame) => dtsTicks / 90_000;
const without = (frames: readonly MediaFrame[], isLost: (frame: MediaFrame) => boolean) =>
  frames.filter((frame) => !isLost(frame));
const isVideo = ({ track }: MediaFrame) => track === "video";

let clean: readonly MediaFrame[];
beforeAll(async () => {
  clean = await record();
}, 60_000);

describe("BroadcastHealth", () => {
  test("measures bitrate and frames over complete seconds", () => {
    const health = new BroadcastHealth();
    for (let n = 0; n < 10.5 * 25; n += 1) {
      const data = new Uint8Array(1000);
      const rest = { compositionTicks: 0, isKeyframe: n % 50 === 0, data };
      health.push({ track: "video", dtsTicks: n * 3600, ...rest }, n * 40);
    }
    expect(health.figures(10_500)).toEqual({ ingestBitrateBps: 200_000, fps: 25 });
  });

  test("has nothing to say about a clean source", () => {
    expect(replay(clean, { encoder: { speed: 1, lagMs: 0 } }).codes).toEqual([]);
  });

  test("begins anew with another run", () => {
    const health = new BroadcastHealth();
    for (const frame of without(clean, (one) => !isVideo(one))) {
      health.push(frame, timeS(frame) * 1000);
    }
    expect(health.findings(45_000, null)).toMatchObject([{ code: "NO_AUDIO" }]);
    health.restart();
    expect(health.findings(45_000, null)).toEqual([]);
  });
});

describe("KEYFRAME_INTERVAL", () => {
  test("is what keyframes have between them", async () => {
    const { found, since, codes } = replay(await record({ keyframeSeconds: 8.3 }));
    expect(codes).toEqual(["KEYFRAME_INTERVAL"]);
    expect(found.get("KEYFRAME_INTERVAL")).toMatchObject({ measured: 8.3, wanted: 2 });
    expect(since.get("KEYFRAME_INTERVAL")).toBeLessThan(12);
  });

  test("is told when the second keyframe does not come at all", () => {
    const endless = clean.map((frame) => ({ ...frame, isKeyframe: !isVideo(frame) }));
    expect(replay(endless).since.get("KEYFRAME_INTERVAL")).toBeLessThan(12);
  });

  test("is neither one late keyframe, nor one more at a cut", () => {
    const late = clean.map((frame) =>
      isVideo(frame) && timeS(frame) > 19 && timeS(frame) < 25
        ? { ...frame, isKeyframe: false }
        : frame
    );
    const cut = clean.map((frame) =>
      isVideo(frame) && Math.abs(timeS(frame) - 21) < 0.01 ? { ...frame, isKeyframe: true } : frame
    );
    expect(late.filter(({ isKeyframe }) => isKeyframe)).toHaveLength(
      clean.filter(({ isKeyframe }) => isKeyframe).length - 3,
    );
    expect(replay(late).codes).toEqual([]);
    expect(replay(cut).codes).toEqual([]);
  });

  test("does not go away for keyframes at cuts between far ones", async () => {
    const rare = await record({ keyframeSeconds: 8 });
    const cuts = rare.map((frame) =>
      isVideo(frame) && timeS(frame) % 8 < 0.2 ? { ...frame, isKeyframe: true } : frame
    );
    const { since, seen } = replay(cuts);
    const first = since.get("KEYFRAME_INTERVAL") ?? 0;
    expect(first).toBeLessThan(12);
    expect(seen.get("KEYFRAME_INTERVAL")).toBe(45 - first);
  });
});

describe("BITRATE_HIGH", () => {
  test("is more than the ceiling, in Mbit/s", () => {
    const { codes, found } = replay(clean, { source: { ceilingBps: 300_000 } });
    expect(codes).toEqual(["BITRATE_HIGH"]);
    expect(found.get("BITRATE_HIGH")).toMatchObject({
      measured: expect.closeTo(0.5, 1),
      wanted: 0.3,
    });
    expect(replay(clean, { source: { ceilingBps: 480_000 } }).codes).toEqual([]);
    expect(replay(clean, { source: { ceilingBps: null } }).codes).toEqual([]);
  });
});

describe("BITRATE_UNSTEADY", () => {
  const noisyFor = (seconds: number) =>
    `noise=alls=60:allf=t:enable='between(mod(t,30),20,${20 + seconds})'`;

  test("is a rate that follows the picture", async () => {
    const frames = await record({ videoFilter: noisyFor(1.5), videoOptions: ["-crf", "20"] });
    const { codes, found } = replay(frames, { source: { ceilingBps: null } });
    expect(codes).toEqual(["BITRATE_UNSTEADY"]);
    expect(found.get("BITRATE_UNSTEADY")).toMatchObject({
      measured: expect.any(Number),
      wanted: 1,
    });
  });

  test("is not a constant rate with a scene that needs all of it, nor large keyframes", async () => {
    const size = { size: "320x180", videoBitrate: "500k" };
    const wide = ["-maxrate", "500k", "-bufsize", "1000k"];
    const noisy = await record({ ...size, videoFilter: noisyFor(5), videoOptions: wide });
    expect(replay(noisy).codes).toEqual([]);
    const bursts = clean.map((frame) =>
      isVideo(frame) && frame.isKeyframe && timeS(frame) % 8 < 0.1
        ? { ...frame, data: new Uint8Array(300_000) }
        : frame
    );
    expect(replay(bursts, { source: { ceilingBps: null } }).codes).toEqual([]);
  });

  test("is not an encoder that keeps to what it declares", async () => {
    const still = clean.map((frame) =>
      isVideo(frame) && !frame.isKeyframe && timeS(frame) % 20 < 18
        ? { ...frame, data: frame.data.subarray(0, 20) }
        : frame
    );
    const source = { ceilingBps: null };
    expect(replay(still, { source }).codes).toEqual(["BITRATE_UNSTEADY"]);
    expect(replay(still, { source: { ...source, declaredBps: 500_000 } }).codes).toEqual([]);
  });
});

describe("UPLOAD_SLOW", () => {
  const onTime = (frame: MediaFrame) => timeS(frame) * 1000;

  test("is media that arrives slower than it plays", () => {
    const { codes, found, since } = replay(clean, { arrivalMs: (one) => onTime(one) / 0.95 });
    expect(codes).toEqual(["UPLOAD_SLOW"]);
    expect(found.get("UPLOAD_SLOW")).toEqual({ code: "UPLOAD_SLOW", measured: 95, wanted: 100 });
    expect(since.get("UPLOAD_SLOW")).toBeLessThan(26);
  });

  test("is neither jitter, a stall that is made good, a delay that stays, nor a burst at the start", () => {
    const stalled = (frame: MediaFrame) =>
      timeS(frame) > 20 && timeS(frame) < 22.5 ? 22_500 : onTime(frame);
    const delayed = (frame: MediaFrame) => onTime(frame) + (timeS(frame) > 20 ? 1500 : 0);
    const bursting = (frame: MediaFrame) => Math.max(0, onTime(frame) - 4000);
    const jittering = (frame: MediaFrame) => Math.floor(onTime(frame) / 800) * 800;
    const slightlyOff = (frame: MediaFrame) => onTime(frame) * 1.005;
    for (const arrivalMs of [stalled, delayed, bursting, jittering, slightlyOff]) {
      expect(replay(clean, { arrivalMs }).codes).toEqual([]);
    }
  });

  test("is not a publisher that we do not read from", () => {
    const arrivalMs = (frame: MediaFrame) => onTime(frame) / 0.95;
    const { since } = replay(clean, { arrivalMs, heldBackAtMs: 20_000 });
    expect(since.get("UPLOAD_SLOW")).toBeGreaterThan(40);
  });
});

describe("FPS_UNSTEADY", () => {
  /** Frames of which `isLost` says by their number that they were not made. */
  const missing = (isLost: (n: number, frame: MediaFrame) => boolean) => {
    let n = 0;
    return without(clean, (frame) => isVideo(frame) && !frame.isKeyframe && isLost(n++, frame));
  };

  test("is an encoder that leaves frames out of a movement", () => {
    // A quarter of them, without any order.
    const { codes, found } = replay(missing((n) => (n * 7919) % 101 < 25));
    expect(codes).toEqual(["FPS_UNSTEADY"]);
    expect(found.get("FPS_UNSTEADY")).toMatchObject({
      measured: expect.closeTo(22.6, 0),
      wanted: 30,
    });
  });

  test("is an encoder that leaves out all up to the next keyframe, again and again", () => {
    const { codes } = replay(missing((_, frame) => timeS(frame) % 4 > 3));
    expect(codes).toEqual(["FPS_UNSTEADY"]);
  });

  test("is neither a low rate, a frame now and then, nor a screen that stands still for a while", () => {
    const every = (ticks: number, slip = 0) =>
      without(clean, isVideo).concat(
        clean.filter(isVideo).flatMap((frame, n) =>
          n * ticks > 45 * 90_000 ? [] : [{ ...frame, dtsTicks: n * ticks + (n % 3) * slip }]
        ),
      ).toSorted((one, other) => one.dtsTicks - other.dtsTicks)
        .map((frame) => isVideo(frame) ? { ...frame, isKeyframe: timeS(frame) % 2 < 0.2 } : frame);
    const screen = missing((n, frame) => timeS(frame) % 7 > 3 && n % 15 !== 0);
    const typing = missing((n, frame) => timeS(frame) % 7 > 2 && n % 10 !== 0);
    const scrolling = missing((n, frame) => timeS(frame) % 7 > 5 && n % 3 !== 0);
    const sources = {
      slow: every(90_000 / 15),
      film: every(90_000 / 24, 700),
      camera: every(90_000, 1080),
      hiccups: missing((n) => n % 50 === 0),
      screen,
      typing,
      scrolling,
    };
    for (const [name, frames] of Object.entries(sources)) {
      expect([
        name,
        replay(frames, { source: { ceilingBps: null } }).codes.includes("FPS_UNSTEADY"),
      ])
        .toEqual([name, false]);
    }
  });
});

describe("B_FRAMES", () => {
  test("are frames that are shown in another order than they come in", async () => {
    const { codes, since } = replay(await record({ bFrames: 2, seconds: 5 }));
    expect(codes).toEqual(["B_FRAMES"]);
    expect(since.get("B_FRAMES")).toBeLessThanOrEqual(1);
  });

  test("are neither a constant offset, its rounding, nor a slip", () => {
    const offset = clean.map((frame, n) => ({
      ...frame,
      compositionTicks: isVideo(frame) ? 6000 + (n % 2) * 90 + (n === 400 ? 3000 : 0) : 0,
    }));
    expect(replay(offset).codes).toEqual([]);
  });
});

describe("NO_AUDIO and NO_VIDEO", () => {
  test("are a track that never comes, and one that stops", () => {
    const [silent, blind] = [without(clean, (one) => !isVideo(one)), without(clean, isVideo)];
    expect(replay(silent).found.get("NO_AUDIO")).toEqual({ code: "NO_AUDIO", hadIt: false });
    expect(replay(blind).found.get("NO_VIDEO")).toEqual({ code: "NO_VIDEO", hadIt: false });
    const muted = replay(without(clean, (one) => !isVideo(one) && timeS(one) > 20));
    expect(muted.codes).toEqual(["NO_AUDIO"]);
    expect(muted.found.get("NO_AUDIO")).toEqual({ code: "NO_AUDIO", hadIt: true });
    expect(muted.since.get("NO_AUDIO")).toBe(23);
    const frozen = replay(without(clean, (one) => isVideo(one) && timeS(one) > 20));
    expect(frozen.found.get("NO_VIDEO")).toEqual({ code: "NO_VIDEO", hadIt: true });
  });

  test("are not a pause of both, nor a short one", () => {
    const gap = (frame: MediaFrame) => timeS(frame) * 1000 + (timeS(frame) > 20 ? 8000 : 0);
    expect(replay(clean, { arrivalMs: gap }).codes).not.toContain("NO_AUDIO");
    const hiccup = without(clean, (one) => !isVideo(one) && timeS(one) > 20 && timeS(one) < 22.5);
    expect(replay(hiccup).codes).toEqual([]);
  });
});

describe("SILENT_AUDIO", () => {
  const spoken = (filter: string) => record({ audioFilter: filter, seconds: 25 });

  test("is digital silence for 10 s", async () => {
    for (const audioChannels of [1, 2]) {
      const frames = await record({ audioFilter: "volume=0", audioChannels, seconds: 25 });
      const { codes, since } = replay(frames);
      expect(codes).toEqual(["SILENT_AUDIO"]);
      expect(since.get("SILENT_AUDIO")).toBeLessThan(22);
    }
  });

  test("is silence of G.711, too", () => {
    const quiet = clean.map((frame) =>
      isVideo(frame) ? frame : { ...frame, data: new Uint8Array(160).fill(0xd5) }
    );
    expect(replay(quiet).codes).toEqual(["SILENT_AUDIO"]);
  });

  test("is neither the faintest noise, a tone, nor speech with pauses", async () => {
    expect(replay(clean).codes).toEqual([]);
    const faint = "aeval='0.00005*(2*random(0)-1)|0.00005*(2*random(1)-1)'";
    const pauses = "volume='lt(mod(t,9),0.3)':eval=frame";
    for (const filter of [faint, pauses]) expect(replay(await spoken(filter)).codes).toEqual([]);
  });
});

test("AUDIO_CODEC is audio that has to be encoded", () => {
  const { found } = replay(clean, { source: { encodedAudio: "MP3" } });
  expect([...found.values()]).toEqual([{ code: "AUDIO_CODEC", codec: "MP3" }]);
});

describe("MACHINE_BUSY", () => {
  test("is encoding that falls behind what arrives, but not in the first seconds", () => {
    const { codes, found, since } = replay(clean, { encoder: BUSY });
    expect(codes).toEqual(["MACHINE_BUSY"]);
    expect(found.get("MACHINE_BUSY")).toEqual({ code: "MACHINE_BUSY", measured: 0.8, wanted: 1 });
    expect(since.get("MACHINE_BUSY")).toBeGreaterThan(10);
  });

  test("is not an encoder that is where its source is", () => {
    expect(replay(clean, { encoder: { speed: 0.4, lagMs: 200 } }).codes).toEqual([]);
  });

  test("is not what arrives slowly", () => {
    const arrivalMs = (frame: MediaFrame) => timeS(frame) * 1000 / 0.8;
    expect(replay(clean, { arrivalMs, encoder: BUSY }).codes).toEqual(["UPLOAD_SLOW"]);
  });
});
