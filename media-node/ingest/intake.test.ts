import { beforeAll, describe, expect, test } from "vitest";
import { recordFlv, type TestPattern } from "#test/helpers/ffmpeg.ts";
import { until } from "#test/helpers/until.ts";
import type { WireTag } from "./port.ts";
import { Timeline } from "./timeline.ts";
import { encodeAmf0 } from "../formats/flv/amf0.ts";
import { FlvReader } from "../formats/flv/flv-reader.ts";
import type { MediaFrame } from "../formats/media.ts";
import { Intake } from "./intake.ts";
import type { Source } from "./source.ts";

async function readWireTags(pattern: TestPattern): Promise<WireTag[]> {
  const tags: WireTag[] = [];
  const reader = new FlvReader(({ type, dtsMs, body }) =>
    tags.push({ type, timestampMs: dtsMs, body })
  );
  reader.push(await recordFlv({ seconds: 1, ...pattern }));
  return tags;
}

function createIntake(isReturn = false) {
  const sources: Source[] = [];
  const frames: MediaFrame[] = [];
  /** What happened, in order. */
  const events: string[] = [];
  const unsupported: string[] = [];
  const intake = new Intake(new Timeline(), {
    onSource: (source) => {
      sources.push(source);
      events.push("source");
    },
    onFrame: (frame) => {
      frames.push(frame);
      events.push(frame.track);
    },
    onCaptions: () => events.push("captions"),
    onMistrust: (reason) => events.push(`mistrust: ${reason}`),
    onUnsupported: (sentence) => unsupported.push(sentence),
  }, isReturn);
  return { intake, sources, frames, events, unsupported };
}

const isFrame = (tag: WireTag) => tag.type !== "script" && tag.body[1] === 1;
const isVideoFrame = (tag: WireTag) => tag.type === "video" && isFrame(tag);
const isAudioFrame = (tag: WireTag) => tag.type === "audio" && isFrame(tag);

/** What is behind the headers of the frames among `tags`, in the order in which it is handed on. */
function mediaOf(tags: readonly WireTag[]): string[] {
  const frames = tags.filter(isFrame);
  // The first picture may go on in the tag after it, so it waits for that.
  const [first, second] = frames.flatMap((tag, at) => isVideoFrame(tag) ? [at] : []);
  const order = frames.map((_, at) => at === first ? (second ?? at) - 0.5 : at);
  const sorted = frames.map((tag, at) => ({ tag, at: order[at] ?? at })).toSorted((one, other) =>
    one.at - other.at
  );
  return sorted.map(({ tag: { type, body } }) =>
    Buffer.from(body.subarray(type === "video" ? 5 : 2)).toString("base64")
  );
}

const dataOf = (frames: readonly MediaFrame[]) =>
  frames.map(({ data }) => Buffer.from(data).toString("base64"));

/** `tags` with metadata that says that there is no audio. */
const withoutAudio = (tags: readonly WireTag[]) =>
  tags.map((tag) =>
    tag.type === "script"
      ? { ...tag, body: encodeAmf0("onMetaData", { framerate: 30, hasAudio: false }) }
      : tag
  );

/** `tags`, `ms` later. */
const later = (tags: readonly WireTag[], ms: number) =>
  tags.map((tag) => ({ ...tag, timestampMs: tag.timestampMs + ms }));

describe("Intake", () => {
  let both: WireTag[];
  let videoOnly: WireTag[];
  beforeAll(async () => {
    [both, videoOnly] = await Promise.all([readWireTags({}), readWireTags({ audioCodec: null })]);
  });

  test("announces the source once it is known, then hands on every frame in order", () => {
    const { intake, sources, frames, events } = createIntake();
    for (const tag of both) intake.push(tag);
    expect(sources).toHaveLength(1);
    expect(events[0]).toBe("source");
    expect(sources[0]?.facts).toMatchObject({
      video: { width: 320, height: 180, fps: 30 },
      audio: { codec: "mp4a.40.2", sampleRateHz: 48_000, channels: 2 },
    });
    expect(sources[0]?.audio).toMatchObject({ config: { samplesPerFrame: 1024 } });
    expect(sources[0]?.isAudioAwaited).toBe(false);
    expect(dataOf(frames)).toEqual(mediaOf(both));
    intake.stop();
  });

  test("does not wait for a track that the metadata says is not there", () => {
    const { intake, sources } = createIntake();
    for (const tag of withoutAudio(videoOnly)) intake.push(tag);
    expect(sources[0]?.facts).toMatchObject({ video: { height: 180 }, audio: null });
    expect(sources[0]?.isAudioAwaited).toBe(false);
    intake.stop();
  });

  test("without metadata, waits a moment for a track that is not configured, which joins later", async () => {
    const { intake, sources, frames, events } = createIntake();
    const silent = videoOnly.filter((tag) => tag.type !== "script");
    const startedAtMs = performance.now();
    for (const tag of silent) intake.push(tag);
    expect(sources).toHaveLength(0);
    await until(() => sources.length > 0, 2000);
    expect(performance.now() - startedAtMs).toBeGreaterThan(390);
    expect(sources[0]?.facts.audio).toBeNull();
    expect(sources[0]?.isAudioAwaited).toBe(true);
    expect(frames).toHaveLength(silent.filter(isFrame).length);
    expect(intake.findings.lateTrack).toBeNull();

    const sound = both.filter(({ type }) => type === "audio");
    for (const tag of sound) intake.push(tag);
    for (const tag of later(silent.filter(isFrame), 1000)) intake.push(tag);
    expect(intake.findings.lateTrack).toBe("audio");
    expect(sources).toHaveLength(2);
    expect(sources[1]?.facts).toMatchObject({ video: { height: 180 }, audio: { channels: 2 } });
    expect(events.indexOf("source", 1)).toBe(events.indexOf("audio") - 1);
    expect(dataOf(frames.filter(({ track }) => track === "audio"))).toEqual(mediaOf(sound));
    expect(frames.filter(({ track }) => track === "video")).toHaveLength(
      2 * silent.filter(isFrame).length,
    );
    intake.stop();
  });

  test("audio that is announced and late is awaited, and joins", async () => {
    const { intake, sources, frames, events } = createIntake();
    for (const tag of both.filter((tag) => !isAudioFrame(tag))) intake.push(tag);
    await until(() => sources.length > 0, 2500);
    expect(sources[0]).toMatchObject({ audio: null, isAudioAwaited: true });
    for (const tag of both.filter(isAudioFrame)) intake.push(tag);
    expect(sources[1]).toMatchObject({ audio: { kind: "aac" }, isAudioAwaited: false });
    expect(events.indexOf("source", 1)).toBe(events.indexOf("audio") - 1);
    expect(frames.filter(({ track }) => track === "audio")).toHaveLength(
      both.filter(isAudioFrame).length,
    );
    intake.stop();
  });

  test("its patience begins with the first frame, not with the headers", async () => {
    const { intake, sources } = createIntake();
    const isHeader = (tag: WireTag) => !isFrame(tag);
    for (const tag of both.filter(isHeader)) intake.push(tag);
    await Bun.sleep(1200);
    for (const tag of both.filter(isFrame)) intake.push(tag);
    expect(sources[0]?.facts).toMatchObject({ video: { height: 180 }, audio: { channels: 2 } });
    intake.stop();
  });

  test("waits longer for video that is configured, and loses nothing of what came before", async () => {
    const { intake, sources, frames } = createIntake();
    const before = both.filter((tag) => !isVideoFrame(tag));
    for (const tag of before) intake.push(tag);
    await Bun.sleep(1200);
    expect(sources).toHaveLength(0);
    for (const tag of both.filter(isVideoFrame)) intake.push(tag);
    expect(sources[0]?.facts).toMatchObject({ video: { height: 180 }, audio: { channels: 2 } });
    expect(dataOf(frames).toSorted()).toEqual(mediaOf(both).toSorted());
    intake.stop();
  });

  test("goes on without video that does not come for 10 s, which joins later", async () => {
    const { intake, sources, frames, events } = createIntake();
    const startedAtMs = performance.now();
    for (const tag of both.filter((tag) => !isVideoFrame(tag))) intake.push(tag);
    await until(() => sources.length > 0, 12_000);
    expect(performance.now() - startedAtMs).toBeGreaterThan(9900);
    expect(sources[0]?.facts).toMatchObject({ video: null, audio: { channels: 2 } });
    expect(dataOf(frames)).toEqual(mediaOf(both.filter(isAudioFrame)));

    for (const tag of both.filter(isVideoFrame)) intake.push(tag);
    intake.finish();
    expect(intake.findings.lateTrack).toBe("video");
    expect(sources).toHaveLength(2);
    expect(sources[1]?.facts).toMatchObject({ video: { height: 180 }, audio: { channels: 2 } });
    expect(events.indexOf("source", 1)).toBe(events.indexOf("video") - 1);
    const pictures = frames.filter(({ track }) => track === "video");
    expect(dataOf(pictures)).toEqual(mediaOf(both.filter(isVideoFrame)));
  }, 15_000);

  test("announces a source that changed, and ignores a header that is only repeated", async () => {
    const { intake, sources } = createIntake();
    const larger = await readWireTags({ size: "640x360" });
    for (const tag of both) intake.push(tag);
    for (const tag of both) intake.push(tag);
    expect(sources).toHaveLength(1);
    for (const tag of larger.filter(({ type }) => type === "video")) intake.push(tag);
    expect(sources).toHaveLength(2);
    expect(sources[1]?.facts).toMatchObject({ video: { width: 640 }, audio: { channels: 2 } });
    expect(intake.findings.lateTrack).toBeNull();
    intake.stop();
  });

  test("reads H.264 in an enhanced header, and hands it on as it is", () => {
    const { intake, sources, frames } = createIntake();
    for (const tag of withoutAudio(videoOnly)) intake.push(toEnhanced(tag));
    expect(sources[0]?.facts.video?.width).toBe(320);
    expect(dataOf(frames)).toEqual(mediaOf(videoOnly));
    intake.stop();
  });

  test("distrusts flags that lie, at the first look and later", () => {
    const lie = (tag: WireTag) =>
      isVideoFrame(tag) ? { ...tag, body: Uint8Array.from([0x17, ...tag.body.subarray(1)]) } : tag;
    const reason = "its keyframes are not where it says";
    const first = createIntake();
    for (const tag of both) first.intake.push(lie(tag));
    // Three frames were looked at: a keyframe, and two that say they are.
    expect(first.sources[0]?.details.copyObstacle).toBe(reason);
    expect(first.events).not.toContain(`mistrust: ${reason}`);
    expect(first.intake.findings.keyframesMisflagged).toBe(true);
    first.intake.stop();

    const second = createIntake();
    for (const tag of both) second.intake.push(tag);
    expect(second.sources[0]?.details.copyObstacle).toBeNull();
    for (const tag of later(both.filter(isFrame), 1000)) second.intake.push(lie(tag));
    expect(second.events.filter((event) => event === `mistrust: ${reason}`)).toHaveLength(1);
    second.intake.stop();
  });

  test("who returns is not waited for as long, and who leaves at once is heard", async () => {
    const returning = createIntake(true);
    const sound = both.filter((tag) => !isVideoFrame(tag));
    for (const tag of sound) returning.intake.push(tag);
    await until(() => returning.sources.length > 0, 2500);
    expect(returning.sources[0]?.facts).toMatchObject({ video: null, audio: { channels: 2 } });
    returning.intake.stop();

    const leaving = createIntake();
    for (const tag of sound) leaving.intake.push(tag);
    leaving.intake.finish();
    expect(leaving.sources).toHaveLength(1);
    expect(dataOf(leaving.frames)).toEqual(mediaOf(both.filter(isAudioFrame)));
  });

  test("who leaves before anything could be read is told why", () => {
    const isAacHeader = ({ type, body }: WireTag) => type === "audio" && body[1] === 0;
    const bare = createIntake();
    for (const tag of both) if (tag.type === "audio" && !isAacHeader(tag)) bare.intake.push(tag);
    bare.intake.finish();
    expect(bare.unsupported).toEqual([expect.stringContaining("without its configuration")]);

    const broken = createIntake();
    const body = Uint8Array.of(
      0x17,
      1,
      0,
      0,
      0,
      ...Array.from({ length: 20_000 }, () => [1, 0x41]).flat(),
    );
    for (const tag of both) {
      broken.intake.push(isVideoFrame(tag) ? { ...tag, body } : { ...tag, type: "script" });
    }
    broken.intake.finish();
    expect(broken.unsupported).toEqual([expect.stringContaining("no H.264 that can be read")]);
  });

  test.each(
    [
      ["hvc1", "video", "The video is HEVC; this server carries H.264. Choose an H.264 encoder."],
      ["Opus", "audio", "The audio is Opus; this server carries AAC. Choose an AAC encoder."],
    ] as const,
  )("names what it cannot carry: %s", (fourCc, type, sentence) => {
    const { intake, unsupported } = createIntake();
    // The same byte: a keyframe behind an extended header, and audio with an extended one.
    const body = Uint8Array.of(0x90, ...Buffer.from(fourCc), 1, 2, 3);
    intake.push({ type, timestampMs: 0, body });
    expect(unsupported).toEqual([sentence]);
    intake.stop();
  });
});

/** An AVC tag as Enhanced RTMP writes it. */
function toEnhanced(tag: WireTag): WireTag {
  const [first = 0, packetType = 0] = tag.body;
  if (tag.type !== "video" || packetType === 2) return tag;
  const header = [0x80 | (first & 0x70) | packetType, ...Buffer.from("avc1")];
  const rest = tag.body.subarray(packetType === 0 ? 5 : 2);
  return { ...tag, body: Uint8Array.from([...header, ...rest]) };
}
