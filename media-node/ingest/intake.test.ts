import { beforeAll, describe, expect, test } from "vitest";
import { recordFlv, type TestPattern } from "#test/helpers/ffmpeg.ts";
import { until } from "#test/helpers/until.ts";
import type { WireTag } from "./port.ts";
import { Timeline } from "./timeline.ts";
import { FlvReader } from "../formats/flv/flv-reader.ts";
import { isSequenceHeader } from "../ladder/source-tag.ts";
import type { FlvTag } from "../formats/media.ts";
import { Intake, type Source } from "./intake.ts";

async function readWireTags(pattern: TestPattern): Promise<WireTag[]> {
  const tags: WireTag[] = [];
  const reader = new FlvReader(({ type, dtsMs, body }) =>
    tags.push({ type, timestampMs: dtsMs, body })
  );
  reader.push(await recordFlv({ seconds: 1, ...pattern }));
  return tags;
}

function createIntake() {
  const sources: Source[] = [];
  const tags: FlvTag[] = [];
  const unsupported: string[] = [];
  const intake = new Intake(new Timeline(), {
    onSource: (source) => sources.push(source),
    onTag: (tag) => tags.push(tag),
    onUnsupported: (sentence) => unsupported.push(sentence),
  });
  return { intake, sources, tags, unsupported };
}

const isFrame = (tag: WireTag) =>
  tag.type !== "script" && tag.body[1] === 1 && !isSequenceHeader({ ...tag, dtsMs: 0 });

describe("Intake", () => {
  let both: WireTag[];
  let videoOnly: WireTag[];
  beforeAll(async () => {
    [both, videoOnly] = await Promise.all([readWireTags({}), readWireTags({ audioCodec: null })]);
  });

  test("announces the source once it is known, then hands on every frame in order", () => {
    const { intake, sources, tags } = createIntake();
    for (const tag of both) intake.push(tag);
    expect(sources).toHaveLength(1);
    expect(sources[0]?.facts).toMatchObject({
      video: { width: 320, height: 180, fps: 30 },
      audio: { codec: "mp4a.40.2", sampleRateHz: 48_000, channels: 2 },
    });
    expect(sources[0]?.audioConfig).toMatchObject({ samplesPerFrame: 1024 });
    expect(tags.map((tag) => tag.body)).toEqual(both.filter(isFrame).map((tag) => tag.body));
    intake.stop();
  });

  test("does not wait for a track that the metadata says is not there", () => {
    const { intake, sources } = createIntake();
    for (const tag of videoOnly) intake.push(tag);
    expect(sources[0]?.facts).toMatchObject({ video: { height: 180 }, audio: null });
    intake.stop();
  });

  test("without metadata, waits a second for a track that is not configured and then goes on without it", async () => {
    const { intake, sources, tags } = createIntake();
    const silent = videoOnly.filter((tag) => tag.type !== "script");
    for (const tag of silent) intake.push(tag);
    expect(sources).toHaveLength(0);
    await until(() => sources.length > 0, 2000);
    expect(sources[0]?.facts.audio).toBeNull();
    expect(tags).toHaveLength(silent.filter(isFrame).length);

    for (const tag of both.filter(({ type }) => type === "audio")) intake.push(tag);
    expect(intake.lateTrack).toBe("audio");
    expect(tags.every((tag) => tag.type === "video")).toBe(true);
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
    const { intake, sources, tags } = createIntake();
    const isVideoFrame = (tag: WireTag) => tag.type === "video" && isFrame(tag);
    const before = both.filter((tag) => !isVideoFrame(tag));
    for (const tag of before) intake.push(tag);
    await Bun.sleep(1200);
    expect(sources).toHaveLength(0);
    for (const tag of both.filter(isVideoFrame)) intake.push(tag);
    expect(sources[0]?.facts).toMatchObject({ video: { height: 180 }, audio: { channels: 2 } });
    expect(tags).toHaveLength(both.filter(isFrame).length);
    intake.stop();
  });

  test("goes on without video that never comes", async () => {
    const { intake, sources } = createIntake();
    const isVideoFrame = (tag: WireTag) => tag.type === "video" && isFrame(tag);
    for (const tag of both.filter((tag) => !isVideoFrame(tag))) intake.push(tag);
    await until(() => sources.length > 0, 7000);
    expect(sources[0]?.facts).toMatchObject({ video: null, audio: { channels: 2 } });
    intake.stop();
  }, 10_000);

  test("announces a source that changed, and ignores a header that is only repeated", async () => {
    const { intake, sources } = createIntake();
    const larger = await readWireTags({ size: "640x360" });
    for (const tag of both) intake.push(tag);
    for (const tag of both) intake.push(tag);
    expect(sources).toHaveLength(1);
    for (const tag of larger.filter(({ type }) => type === "video")) intake.push(tag);
    expect(sources).toHaveLength(2);
    expect(sources[1]?.facts).toMatchObject({ video: { width: 640 }, audio: { channels: 2 } });
    intake.stop();
  });

  test("reads H.264 in an enhanced header, and hands it on in a plain one", () => {
    const { intake, sources, tags } = createIntake();
    for (const tag of videoOnly) intake.push(toEnhanced(tag));
    expect(sources[0]?.facts.video?.width).toBe(320);
    expect(tags.map((tag) => tag.body)).toEqual(videoOnly.filter(isFrame).map((tag) => tag.body));
    intake.stop();
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
