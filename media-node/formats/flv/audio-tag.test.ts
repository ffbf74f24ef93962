import { describe, expect, test } from "vitest";
import { parseAudioTag } from "./audio-tag.ts";

const ascii = (text: string) => [...Buffer.from(text, "latin1")];
const bytes = (...parts: (number | number[])[]) => Uint8Array.from(parts.flat());

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
    ["MP3", 44_100, 2, 0x2f],
    ["Speex", 16_000, 1, 0xb2],
    ["G.711 mu-law", 8000, 1, 0x82],
    ["ADPCM", 22_050, 1, 0x1a],
  ])("takes %s for what ffmpeg decodes", (codec, sampleRateHz, channels, flvFormat) => {
    expect(parseAudioTag(bytes(flvFormat, 1))).toEqual({
      kind: "classic",
      codec,
      flvFormat,
      sampleRateHz,
      channels,
      data: bytes(1),
    });
  });

  test.each([
    ["audio format 15", bytes(0xf0, 1)],
    ["Opus", bytes(0x90, ascii("Opus"), 1)],
    ["MP3", bytes(0x91, ascii(".mp3"), 1)],
  ])("names %s", (codec, body) => {
    expect(parseAudioTag(body)).toEqual({ kind: "unsupported", codec });
  });

  test("OBS's VOD track is a further track; the first one goes on", () => {
    const second = bytes(0x95, 0x01, ascii("mp4a"), 1, 5, 6);
    expect(parseAudioTag(second)).toEqual({ kind: "ignored", extraTracks: [1] });
    const first = bytes(0x95, 0x01, ascii("mp4a"), 0, 5, 6);
    expect(parseAudioTag(first)).toEqual({ kind: "frame", data: bytes(5, 6) });
  });

  test.each([[[]], [[0xaf]], [[0xaf, 0, 1]], [[0xaf, 7, 1]], [[0x90, 1, 2]]])(
    "calls %j malformed",
    (body) => expect(parseAudioTag(bytes(body))).toMatchObject({ kind: "malformed" }),
  );
});

test("no body of random bytes makes the parser throw", () => {
  let seed = 7;
  const next = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) >>> 8;
  for (let round = 0; round < 20_000; round += 1) {
    parseAudioTag(Uint8Array.from({ length: next() % 24 }, () => next() & 0xff));
  }
});
