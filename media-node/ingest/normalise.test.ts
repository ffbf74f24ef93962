import { beforeAll, describe, expect, test } from "vitest";
import { recordTags } from "#test/helpers/tag-publisher.ts";
import { joinNals, nalTypeOf, splitNals } from "../formats/codecs/nal-units.ts";
import type { FlvTag } from "../formats/flv/flv-tag.ts";
import type { AudioTrack, MediaFrame, VideoTrack } from "../formats/media.ts";
import { AudioNormaliser, type AudioUnit } from "./audio-normaliser.ts";
import { Normaliser } from "./normalise.ts";
import { Timeline } from "./timeline.ts";

const HEADER_BYTES = 5;

let tags: FlvTag[];
let clean: ReturnType<typeof normalise>;
beforeAll(async () => {
  tags = await recordTags({ seconds: 2, keyframeSeconds: 1 });
  clean = normalise(tags);
});

function normalise(sent: readonly FlvTag[]) {
  const frames: MediaFrame[] = [];
  const videoTracks: VideoTrack[] = [];
  const audioTracks: AudioTrack[] = [];
  const refusals: string[] = [];
  const normaliser = new Normaliser(new Timeline(), {
    onMetadata: () => {},
    onVideoTrack: (track) => videoTracks.push(track),
    onAudioTrack: (track) => audioTracks.push(track),
    onFrame: (frame) => frames.push(frame),
    onUnsupported: (sentence) => refusals.push(sentence),
  });
  for (const { type, dtsMs, body } of sent) normaliser.push({ type, timestampMs: dtsMs, body });
  normaliser.flush();
  const of = (track: string) => frames.filter((frame) => frame.track === track);
  return { frames, video: of("video"), audio: of("audio"), videoTracks, audioTracks, normaliser };
}

const isVideoFrame = ({ type, body }: FlvTag) => type === "video" && body[1] === 1;
const isAudioFrame = ({ type, body }: FlvTag) => type === "audio" && body[1] === 1;
const withBody = (tag: FlvTag, head: Uint8Array | readonly number[], data: Uint8Array): FlvTag => ({
  ...tag,
  body: Uint8Array.from([...head, ...data]),
});

/** `tags` with every frame of video in another form. */
function reframe(change: (nals: readonly Uint8Array[]) => Uint8Array): FlvTag[] {
  return tags.map((tag) => {
    if (!isVideoFrame(tag)) return tag;
    const nals = splitNals(tag.body.subarray(HEADER_BYTES), 4) ?? [];
    return withBody(tag, tag.body.subarray(0, HEADER_BYTES), change(nals));
  });
}

/** `tags` with a sequence header that says how wide lengths are. */
function announce(lengthBytes: number, sent: readonly FlvTag[]): FlvTag[] {
  return sent.map((tag) => {
    if (tag.type !== "video" || tag.body[1] !== 0) return tag;
    const body = tag.body.slice();
    body[HEADER_BYTES + 4] = 0xfc | (lengthBytes - 1);
    return { ...tag, body };
  });
}

const bytesOf = (frames: readonly MediaFrame[]) => frames.map(({ data }) => Buffer.from(data));

describe("a clean source", () => {
  test("is handed on as it is, in 1/90000 s", () => {
    const sent = tags.filter(isVideoFrame);
    expect(bytesOf(clean.video)).toEqual(
      sent.map(({ body }) => Buffer.from(body.subarray(HEADER_BYTES))),
    );
    expect(clean.video.map(({ dtsTicks }) => dtsTicks)).toEqual(
      sent.map(({ dtsMs }) => dtsMs * 90),
    );
    expect(clean.video.filter(({ isKeyframe }) => isKeyframe)).toHaveLength(2);
    expect(clean.audio).toHaveLength(tags.filter(isAudioFrame).length);
    expect(clean.videoTracks).toHaveLength(1);
    expect(clean.videoTracks[0]).toMatchObject({ isInterlaced: false, config: { width: 320 } });
    expect(clean.audioTracks[0]).toMatchObject({ kind: "aac", codec: "mp4a.40.2" });
    expect(clean.normaliser.findings).toEqual({
      extraTracks: 0,
      keyframesMisflagged: false,
      intraRefresh: false,
      audioWithoutConfig: false,
    });
  });

  test("its frames are views into what came: nothing is copied", () => {
    // The first picture waits for the tag after it, and is put together then.
    const second = tags.filter(isVideoFrame)[1];
    expect(clean.video[1]?.data.buffer).toBe(second?.body.buffer);
  });
});

const startCode = Uint8Array.of(0, 0, 0, 1);
const toStream = (nals: readonly Uint8Array[], code = startCode) =>
  Buffer.concat(nals.flatMap((nal) => [code, nal]));
const narrow = (nals: readonly Uint8Array[], lengthBytes: number) =>
  Buffer.concat(nals.flatMap((nal) => {
    const length = Array.from(
      { length: lengthBytes },
      (_, at) => (nal.length >> (8 * (lengthBytes - 1 - at))) & 0xff,
    );
    return [Uint8Array.from(length), nal];
  }));

test.each<[string, () => FlvTag[]]>([
  ["a byte stream", () => reframe((nals) => toStream(nals))],
  [
    "a byte stream with short start codes",
    () => reframe((nals) => toStream(nals, Uint8Array.of(0, 0, 1))),
  ],
  ["2-byte lengths", () => announce(2, reframe((nals) => narrow(nals, 2)))],
  ["2-byte lengths that nobody announced", () => reframe((nals) => narrow(nals, 2))],
  ["4-byte lengths announced as 2-byte ones", () => announce(2, tags)],
])("%s becomes the access units it stands for", (_name, make) => {
  const { video, videoTracks } = normalise(make());
  expect(bytesOf(video)).toEqual(bytesOf(clean.video));
  expect(videoTracks[0]?.config.avcC).toEqual(clean.videoTracks[0]?.config.avcC);
});

test("NAL units in tags of their own become one access unit with the time of its picture", () => {
  const split = tags.flatMap((tag) => {
    if (!isVideoFrame(tag)) return [tag];
    const nals = splitNals(tag.body.subarray(HEADER_BYTES), 4) ?? [];
    return nals.map((nal) => withBody(tag, tag.body.subarray(0, HEADER_BYTES), joinNals([nal])));
  });
  expect(split.length).toBeGreaterThan(tags.length);
  const { video } = normalise(split);
  expect(bytesOf(video)).toEqual(bytesOf(clean.video));
  expect(video.map(({ dtsTicks }) => dtsTicks)).toEqual(
    clean.video.map(({ dtsTicks }) => dtsTicks),
  );
});

test("slices in tags of their own become one picture", async () => {
  const sliced = await recordTags({
    seconds: 1,
    videoOptions: ["-x264-params", "sliced-threads=0:slices=4"],
  });
  const whole = normalise(sliced);
  const slicesOf = ({ data }: MediaFrame) =>
    (splitNals(data, 4) ?? []).filter((nal) => nalTypeOf(nal) <= 5).length;
  expect(slicesOf(whole.video[0] as MediaFrame)).toBe(4);
  const split = sliced.flatMap((tag) => {
    if (!isVideoFrame(tag)) return [tag];
    const nals = splitNals(tag.body.subarray(HEADER_BYTES), 4) ?? [];
    return nals.map((nal) => withBody(tag, tag.body.subarray(0, HEADER_BYTES), joinNals([nal])));
  });
  expect(bytesOf(normalise(split).video)).toEqual(bytesOf(whole.video));
});

test("keyframes are what the NAL units say, and a source whose flags lie is found out", () => {
  const lying = tags.map((tag) =>
    isVideoFrame(tag) ? withBody(tag, [0x17], tag.body.subarray(1)) : tag
  );
  const { video, normaliser } = normalise(lying);
  expect(video.map(({ isKeyframe }) => isKeyframe)).toEqual(
    clean.video.map(({ isKeyframe }) => isKeyframe),
  );
  expect(normaliser.findings.keyframesMisflagged).toBe(true);
});

test("one wrong flag is a slip", () => {
  const slip = tags.map((tag, index) => {
    const isOne = isVideoFrame(tag) && index === tags.findLastIndex(isVideoFrame);
    return isOne ? withBody(tag, [0x17], tag.body.subarray(1)) : tag;
  });
  expect(normalise(slip).normaliser.findings.keyframesMisflagged).toBe(false);
});

test("without a sequence header, parameter sets in the stream are the configuration", () => {
  const avcC = tags.find(({ type, body }) => type === "video" && body[1] === 0)?.body.subarray(5);
  const { spsNals, ppsNals } = setsOf(avcC ?? new Uint8Array());
  const inBand = tags.filter(({ type, body }) => type !== "video" || body[1] === 1).map((tag) => {
    if (!isVideoFrame(tag) || (tag.body[0] ?? 0) >> 4 !== 1) return tag;
    const nals = splitNals(tag.body.subarray(HEADER_BYTES), 4) ?? [];
    const unit = joinNals([...spsNals, ...ppsNals, ...nals]);
    return withBody(tag, tag.body.subarray(0, HEADER_BYTES), unit);
  });
  const { video, videoTracks } = normalise(inBand);
  expect(video).toHaveLength(clean.video.length);
  expect(videoTracks).toHaveLength(1);
  expect(videoTracks[0]?.config).toMatchObject({ width: 320, height: 180 });
});

function setsOf(avcC: Uint8Array) {
  const spsBytes = ((avcC[6] ?? 0) << 8) | (avcC[7] ?? 0);
  const at = 8 + spsBytes;
  const ppsBytes = ((avcC[at + 1] ?? 0) << 8) | (avcC[at + 2] ?? 0);
  return {
    spsNals: [avcC.subarray(8, at)],
    ppsNals: [avcC.subarray(at + 3, at + 3 + ppsBytes)],
  };
}

test("a new header is announced, and brought along in the stream for decoders that run", async () => {
  const larger = await recordTags({ seconds: 1, size: "640x360" });
  const later = larger.filter(({ type }) => type === "video")
    .map((tag) => ({ ...tag, dtsMs: tag.dtsMs + 2000 }));
  const { video, videoTracks } = normalise([...tags, ...later]);
  expect(videoTracks.map(({ config }) => config.width)).toEqual([320, 640]);
  const first = video[clean.video.length];
  expect((splitNals(first?.data ?? new Uint8Array(), 4) ?? []).map(nalTypeOf).slice(0, 2)).toEqual(
    [7, 8],
  );
});

test("ADTS is taken off, and stands in for a missing configuration", () => {
  const adts = tags.filter(({ type, body }) => type !== "audio" || body[1] === 1).map((tag) => {
    if (tag.type !== "audio") return tag;
    const data = tag.body.subarray(2);
    const length = data.length + 7;
    const head = [0xff, 0xf1, 0x4c, 0x40 | (length >> 11), (length >> 3) & 0xff];
    head.push(((length & 7) << 5) | 0x1f, 0xfc);
    return withBody(tag, [0xaf, 1, ...head], data);
  });
  const { audio, audioTracks } = normalise(adts);
  expect(bytesOf(audio)).toEqual(bytesOf(clean.audio));
  expect(audioTracks).toHaveLength(1);
  expect(audioTracks[0]).toMatchObject({ kind: "aac", codec: "mp4a.40.2" });
});

test("AAC without any configuration is left out, and said", () => {
  const bare = tags.filter(({ type, body }) => type !== "audio" || body[1] === 1);
  const { audio, normaliser } = normalise(bare);
  expect(audio).toEqual([]);
  expect(normaliser.findings.audioWithoutConfig).toBe(true);
});

test("a picture that is shown hours after it is decoded is shown at once", () => {
  const odd = tags.map((tag) =>
    isVideoFrame(tag)
      ? withBody(
        tag,
        [...tag.body.subarray(0, 2), 0x7f, 0xff, 0xff],
        tag.body.subarray(HEADER_BYTES),
      )
      : tag
  );
  expect(normalise(odd).video.map(({ compositionTicks }) => compositionTicks)).toEqual(
    clean.video.map(() => 0),
  );
});

describe("AAC before its configuration", () => {
  const isConfig = ({ type, body }: FlvTag) => type === "audio" && body[1] === 0;
  /** The configuration comes when sound of so many ms was sent. */
  const delayedBy = (ms: number) => {
    const configs = tags.filter(isConfig);
    const others = tags.filter((tag) => !isConfig(tag));
    const at = others.findIndex(({ type, dtsMs }) => type === "audio" && dtsMs >= ms);
    return [...others.slice(0, at), ...configs, ...others.slice(at)];
  };

  test("is kept until it comes", () => {
    const { audio, normaliser } = normalise(delayedBy(700));
    expect(bytesOf(audio)).toEqual(bytesOf(clean.audio));
    expect(normaliser.findings.audioWithoutConfig).toBe(false);
  });

  test("is kept for a second beside pictures", () => {
    const { audio } = normalise(delayedBy(1500));
    const lost = clean.audio.length - audio.length;
    expect(lost).toBeGreaterThan(0);
    expect(lost * 1024 / 48_000).toBeLessThan(0.7);
    expect(bytesOf(audio)).toEqual(bytesOf(clean.audio.slice(lost)));
  });

  test("is kept for longer without any", () => {
    const sound = delayedBy(1900).filter(({ type }) => type === "audio");
    expect(bytesOf(normalise(sound).audio)).toEqual(bytesOf(clean.audio));
  });

  test("takes little memory, whatever its clock says", () => {
    const normaliser = new AudioNormaliser({ onAudioTrack: () => {}, onAudioUnit: () => {} });
    const data = new Uint8Array(64 * 1024);
    for (let tag = 0; tag < 100; tag += 1) normaliser.push({ kind: "frame", data }, 5);
    expect(normaliser.heldBytes).toBeLessThanOrEqual(256 * 1024);
    for (let tag = 0; tag < 1000; tag += 1) {
      normaliser.push({ kind: "frame", data: data.subarray(0, 9) }, 5);
    }
    expect(normaliser.heldBytes).toBeLessThanOrEqual(256 * 9);
    expect(normaliser.isUnconfigured).toBe(true);
  });

  test("is not kept when others have gone on without it", () => {
    const seen: AudioUnit[] = [];
    const normaliser = new AudioNormaliser({
      onAudioTrack: () => {},
      onAudioUnit: (unit) => seen.push(unit),
    });
    normaliser.push({ kind: "frame", data: new Uint8Array(9) }, 0);
    normaliser.stopHolding();
    normaliser.push({ kind: "frame", data: new Uint8Array(9) }, 20);
    expect(normaliser.isUnconfigured).toBe(true);
    normaliser.push({ kind: "config", asc: Uint8Array.of(0x11, 0x90) }, 40);
    normaliser.push({ kind: "frame", data: new Uint8Array(9) }, 40);
    expect(seen.map(({ timestampMs }) => timestampMs)).toEqual([40]);
    expect(normaliser.isUnconfigured).toBe(false);
  });
});
