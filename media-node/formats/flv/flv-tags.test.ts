import { describe, expect, test } from "vitest";
import { encodeAmf0 } from "./amf0.ts";
import {
  isConfigTag,
  parseAudioTag,
  parseMetadata,
  parseScriptTag,
  parseVideoTag,
  stripSetDataFrame,
} from "./flv-tags.ts";

const ascii = (text: string) => [...Buffer.from(text, "latin1")];
const bytes = (...parts: (number | number[])[]) => Uint8Array.from(parts.flat());
const AVCC = [1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 0];

describe("parseVideoTag()", () => {
  test("reads AVC headers, frames with signed composition offsets, and the end", () => {
    expect(parseVideoTag(bytes(0x17, 0, 0, 0, 0, AVCC))).toEqual({
      kind: "config",
      avcC: bytes(AVCC),
    });
    expect(parseVideoTag(bytes(0x17, 1, 0, 0, 80, 9, 9))).toEqual({
      kind: "frame",
      isKeyframe: true,
      compositionMs: 80,
      data: bytes(9, 9),
    });
    expect(parseVideoTag(bytes(0x27, 1, 0xff, 0xff, 0xd8, 9))).toMatchObject({
      isKeyframe: false,
      compositionMs: -40,
    });
    expect(parseVideoTag(bytes(0x17, 2, 0, 0, 0))).toEqual({ kind: "end" });
  });

  test("reads AVC in an enhanced header, also behind ModEx", () => {
    const avc1 = ascii("avc1");
    expect(parseVideoTag(bytes(0x90, avc1, AVCC))).toEqual({ kind: "config", avcC: bytes(AVCC) });
    expect(parseVideoTag(bytes(0x91, avc1, 0xff, 0xff, 0xff, 9))).toMatchObject({
      kind: "frame",
      isKeyframe: true,
      compositionMs: -1,
    });
    expect(parseVideoTag(bytes(0xa3, avc1, 7, 8))).toEqual({
      kind: "frame",
      isKeyframe: false,
      compositionMs: 0,
      data: bytes(7, 8),
    });
    expect(parseVideoTag(bytes(0xa7, 2, 1, 2, 3, 0x03, avc1, 7))).toMatchObject({ kind: "frame" });
  });

  test.each([
    ["HEVC", bytes(0x90, ascii("hvc1"), 1, 2)],
    ["AV1", bytes(0x91, ascii("av01"), 1, 2)],
    ["VP9", bytes(0xa3, ascii("vp09"), 1, 2)],
    ["multitrack video", bytes(0x96, 0, ascii("avc1"), 0, 1)],
    ['video codec "zz??"', bytes(0x90, ascii("zz"), 0, 255)],
    ["Sorenson H.263", bytes(0x12, 1, 2)],
    ["VP6", bytes(0x24, 1, 2)],
    ["HEVC (non-standard FLV id 12)", bytes(0x1c, 0, 0, 0, 0)],
    ["video codec 15", bytes(0x1f, 0)],
  ])("names %s", (codec, body) => {
    expect(parseVideoTag(body)).toEqual({ kind: "unsupported", codec });
  });

  test("ignores what carries no picture", () => {
    expect(parseVideoTag(bytes(0x57, 0))).toEqual({ kind: "ignored" });
    expect(parseVideoTag(bytes(0x94, ascii("avc1"), 1))).toEqual({ kind: "ignored" });
    expect(parseVideoTag(bytes(0x17, 1, 0, 0, 0))).toEqual({ kind: "ignored" });
  });

  test.each([
    [[]],
    [[0x17]],
    [[0x17, 0, 0, 0]],
    [[0x17, 0, 0, 0, 0, 1]],
    [[0x90]],
    [[
      0x90,
      0x61,
      0x76,
    ]],
    [[0xa7, 0xff]],
    [[0xa7, 200, 1]],
    [[0x91, 0x61, 0x76, 0x63, 0x31, 0]],
    [[0x17, 9, 0, 0, 0]],
  ])(
    "calls %j malformed",
    (body) => {
      expect(parseVideoTag(bytes(body))).toMatchObject({ kind: "malformed" });
    },
  );
});

describe("parseAudioTag()", () => {
  test("reads AAC, legacy and enhanced", () => {
    expect(parseAudioTag(bytes(0xaf, 0, 0x11, 0x90))).toEqual({
      kind: "config",
      asc: bytes(0x11, 0x90),
    });
    expect(parseAudioTag(bytes(0xaf, 1, 5, 6))).toEqual({ kind: "frame", data: bytes(5, 6) });
    expect(parseAudioTag(bytes(0x90, ascii("mp4a"), 0x11, 0x90))).toMatchObject({ kind: "config" });
    expect(parseAudioTag(bytes(0x91, ascii("mp4a"), 5))).toEqual({ kind: "frame", data: bytes(5) });
  });

  test.each([
    ["MP3", true, bytes(0x2f, 1)],
    ["Speex", true, bytes(0xb2, 1)],
    ["audio format 15", false, bytes(0xf0, 1)],
    ["Opus", false, bytes(0x90, ascii("Opus"), 1)],
    ["MP3", false, bytes(0x91, ascii(".mp3"), 1)],
    ["multitrack audio", false, bytes(0x95, 0, ascii("mp4a"))],
  ])("names %s (classic: %s)", (codec, isClassic, body) => {
    expect(parseAudioTag(body)).toEqual({ kind: "unsupported", codec, isClassic });
  });

  test.each([[[]], [[0xaf]], [[0xaf, 0, 1]], [[0xaf, 7, 1]], [[0x90, 1, 2]]])(
    "calls %j malformed",
    (body) => expect(parseAudioTag(bytes(body))).toMatchObject({ kind: "malformed" }),
  );
});

describe("script tags", () => {
  const dataFrame = encodeAmf0("@setDataFrame", "onMetaData", {
    framerate: 29.97,
    encoder: "obs",
    stereo: true,
    nested: { a: 1 },
    __proto__x: 1,
  });

  test("stripSetDataFrame() leaves what a file would hold", () => {
    expect(stripSetDataFrame(dataFrame)).toEqual(dataFrame.subarray(16));
    expect(stripSetDataFrame(dataFrame.subarray(16))).toEqual(dataFrame.subarray(16));
  });

  test("parseMetadata() keeps scalars", () => {
    expect(parseMetadata(dataFrame)).toEqual(
      new Map<string, unknown>([
        ["framerate", 29.97],
        ["encoder", "obs"],
        ["stereo", true],
        ["__proto__x", 1],
      ]),
    );
    expect(parseMetadata(encodeAmf0("onTextData", { text: "hi" }))).toBeNull();
  });

  test("parseScriptTag() answers null to bytes that are no AMF0", () => {
    for (const body of [[], [2, 0xff], [0x0a, 0xff, 0xff, 0xff, 0xff], [0, 1]]) {
      expect(parseScriptTag(bytes(body))).toBeNull();
      expect(parseMetadata(bytes(body))).toBeNull();
    }
  });
});

test("isConfigTag() tells headers from media", () => {
  expect(isConfigTag({ type: "video", body: bytes(0x17, 0, 0, 0, 0, AVCC) })).toBe(true);
  expect(isConfigTag({ type: "video", body: bytes(0x17, 1, 0, 0, 0, 1) })).toBe(false);
  expect(isConfigTag({ type: "audio", body: bytes(0xaf, 0, 0x11, 0x90) })).toBe(true);
  expect(isConfigTag({ type: "audio", body: bytes(0xaf, 1, 1) })).toBe(false);
  expect(isConfigTag({ type: "script", body: bytes(1) })).toBe(true);
});

test("no body of random bytes makes a parser throw", () => {
  let seed = 7;
  const next = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) >>> 8;
  for (let round = 0; round < 20_000; round += 1) {
    const body = Uint8Array.from({ length: next() % 24 }, () => next() & 0xff);
    parseVideoTag(body);
    parseAudioTag(body);
    parseScriptTag(body);
  }
});
