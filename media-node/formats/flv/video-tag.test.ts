import { describe, expect, test } from "vitest";
import { parseVideoTag } from "./video-tag.ts";

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
      isFlaggedKeyframe: true,
      compositionMs: 80,
      data: bytes(9, 9),
    });
    expect(parseVideoTag(bytes(0x27, 1, 0xff, 0xff, 0xd8, 9))).toMatchObject({
      isFlaggedKeyframe: false,
      compositionMs: -40,
    });
    expect(parseVideoTag(bytes(0x17, 2, 0, 0, 0))).toEqual({ kind: "end" });
  });

  test("reads AVC in an enhanced header, also behind ModEx", () => {
    const avc1 = ascii("avc1");
    expect(parseVideoTag(bytes(0x90, avc1, AVCC))).toEqual({ kind: "config", avcC: bytes(AVCC) });
    expect(parseVideoTag(bytes(0x91, avc1, 0xff, 0xff, 0xff, 9))).toMatchObject({
      kind: "frame",
      isFlaggedKeyframe: true,
      compositionMs: -1,
    });
    expect(parseVideoTag(bytes(0xa3, avc1, 7, 8))).toEqual({
      kind: "frame",
      isFlaggedKeyframe: false,
      compositionMs: 0,
      data: bytes(7, 8),
    });
    expect(parseVideoTag(bytes(0xa7, 2, 1, 2, 3, 0x03, avc1, 7))).toMatchObject({ kind: "frame" });
  });

  test.each([
    ["HEVC", bytes(0x90, ascii("hvc1"), 1, 2)],
    ["AV1", bytes(0x91, ascii("av01"), 1, 2)],
    ["VP9", bytes(0xa3, ascii("vp09"), 1, 2)],
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

describe("several tracks in a tag", () => {
  const avc1 = ascii("avc1");

  test("track 0 is read as if it were alone", () => {
    const one = bytes(0x96, 0x01, avc1, 0, [0, 0, 80, 9, 9]);
    const frame = { kind: "frame", isFlaggedKeyframe: true, compositionMs: 80, data: bytes(9, 9) };
    expect(parseVideoTag(one)).toEqual(frame);
    const two = bytes(0x96, 0x11, avc1, 1, [0, 0, 4], [0, 0, 0, 7], 0, [0, 0, 5], [0, 0, 80, 9, 9]);
    expect(parseVideoTag(two)).toEqual({ ...frame, extraTracks: [1] });
  });

  test("other tracks are counted and left out, whatever their codec", () => {
    expect(parseVideoTag(bytes(0x96, 0x01, ascii("hvc1"), 3, 1, 2))).toEqual({
      kind: "ignored",
      extraTracks: [3],
    });
    const many = bytes(0x96, 0x20, ascii("hvc1"), 1, [0, 0, 1], 9, avc1, 0, [0, 0, 8], AVCC);
    expect(parseVideoTag(many)).toEqual({ kind: "config", avcC: bytes(AVCC), extraTracks: [1] });
  });

  test.each([
    [[0x96]],
    [[0x96, 0x01, 1]],
    [[0x96, 0x11, ...avc1, 0, 0, 0, 9, 1]],
    [[0x96, 0x21, ...avc1]],
  ])("calls %j malformed", (body) => {
    expect(parseVideoTag(bytes(body))).toMatchObject({ kind: "malformed" });
  });
});

test("no body of random bytes makes the parser throw", () => {
  let seed = 7;
  const next = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) >>> 8;
  for (let round = 0; round < 20_000; round += 1) {
    parseVideoTag(Uint8Array.from({ length: next() % 24 }, () => next() & 0xff));
  }
});
