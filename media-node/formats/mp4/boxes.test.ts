import { describe, expect, test } from "vitest";
import { BoxError, findBox, readBox, readBoxes, readMovieFragment } from "./boxes.ts";
import { aacCodecOf, avcCodecOf, codecOfEsds } from "./codec-strings.ts";
import { writeFragment, writeInitSegment } from "./fragment-writer.ts";

const avcC = Uint8Array.of(1, 0x64, 0x00, 0x1f, 0xff, 0xe1, 0, 0, 1, 0, 0);
const asc = Uint8Array.of(0x11, 0x90);
const init = writeInitSegment({
  video: { kind: "video", avcC, width: 1280, height: 720 },
  audio: { kind: "audio", asc, sampleRateHz: 48_000, channels: 2, samplesPerFrame: 1024 },
});

const sample = (bytes: number, isSync: boolean, compositionTicks = 0) => ({
  durationTicks: 3000,
  compositionTicks,
  isSync,
  data: new Uint8Array(bytes).fill(bytes),
});

const fragment = writeFragment({
  sequenceNumber: 7,
  video: {
    decodeTicks: 2 ** 33,
    samples: [sample(5, true, 3000), sample(3, false, -1500), sample(4, false)],
  },
  audio: { decodeTicks: 96_000, samples: [sample(2, true), sample(1, true)] },
});

describe("writeInitSegment()", () => {
  test("describes both tracks", () => {
    expect(readBoxes(init).map(({ type }) => type)).toEqual(["ftyp", "moov"]);
    const moov = readBoxes(init)[1]?.body ?? new Uint8Array();
    expect(readBoxes(moov).map(({ type }) => type)).toEqual(["mvhd", "trak", "trak", "mvex"]);
    const stsd = findBox(moov, ["trak", "mdia", "minf", "stbl", "stsd"])?.body ?? new Uint8Array();
    const avc1 = findBox(stsd.subarray(8), ["avc1"])?.body ?? new Uint8Array();
    expect(findBox(avc1.subarray(78), ["avcC"])?.body).toEqual(avcC);
  });

  test("names the codecs of its decoder configurations", () => {
    const audioTrack = readBoxes(readBoxes(init)[1]?.body ?? new Uint8Array())[2]?.body;
    const stsd = findBox(audioTrack ?? new Uint8Array(), ["mdia", "minf", "stbl", "stsd"])?.body;
    const mp4a = findBox(stsd?.subarray(8) ?? new Uint8Array(), ["mp4a"])?.body;
    const esds = findBox(mp4a?.subarray(28) ?? new Uint8Array(), ["esds"])?.body;
    expect(codecOfEsds(esds ?? new Uint8Array())).toBe("mp4a.40.2");
    expect(avcCodecOf(avcC)).toBe("avc1.64001f");
    expect(aacCodecOf(Uint8Array.of(0x2b, 0x11))).toBe("mp4a.40.5");
    expect(aacCodecOf(Uint8Array.of(0xf9, 0x48))).toBe("mp4a.40.42");
    expect(() => avcCodecOf(Uint8Array.of(1, 0x64))).toThrow(BoxError);
  });
});

describe("writeFragment()", () => {
  test("is read back sample by sample", () => {
    const [moof, mdat] = readBoxes(fragment);
    const [video, audio] = readMovieFragment(moof?.body ?? new Uint8Array());
    expect(video).toMatchObject({ trackId: 1, baseMediaDecodeTime: 2 ** 33 });
    expect(video?.samples.map(({ compositionOffset }) => compositionOffset)).toEqual([
      3000,
      -1500,
      0,
    ]);
    expect(video?.samples.map(({ flags }) => flags)).toEqual([0x2000000, 0x1010000, 0x1010000]);
    expect(audio).toMatchObject({ trackId: 2, baseMediaDecodeTime: 96_000 });
    expect(fragment[video?.dataOffset ?? 0]).toBe(5);
    expect(fragment[audio?.dataOffset ?? 0]).toBe(2);
    expect(mdat?.body).toHaveLength(5 + 3 + 4 + 2 + 1);
  });
});

describe("damaged boxes", () => {
  test.each([["an init segment", init], ["a fragment", fragment]])(
    "every truncation of %s throws BoxError or asks for more",
    (_, bytes) => {
      for (let length = 0; length < bytes.length; length += 1) {
        const cutOff = bytes.subarray(0, length);
        expect(() => readDeep(cutOff)).not.toThrow(TypeError);
        expect(() => readDeep(cutOff)).not.toThrow(RangeError);
      }
    },
  );

  test("every flipped byte of a moof is read or refused", () => {
    const moof = readBoxes(fragment)[0]?.body ?? new Uint8Array();
    for (let at = 0; at < moof.length; at += 1) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const damaged = moof.slice();
        damaged[at] = value;
        expect(outcomeOf(() => readMovieFragment(damaged))).toBe("fine");
      }
    }
  });

  test("impossible sizes are refused before anything is allocated", () => {
    const box = (size: number) => Uint8Array.of(0, 0, 0, size, 102, 114, 101, 101);
    expect(() => readBox(box(4), 0)).toThrow(BoxError);
    const huge = Uint8Array.of(0x7f, 255, 255, 255, 102, 114, 101, 101);
    expect(() => readBox(huge, 0)).toThrow(BoxError);
    expect(readBox(box(9), 0)).toBeNull();
  });
});

function readDeep(bytes: Uint8Array): void {
  try {
    for (const box of readBoxes(bytes)) if (box.type === "moof") readMovieFragment(box.body);
  } catch (error) {
    if (!(error instanceof BoxError)) throw error;
  }
}

function outcomeOf(read: () => unknown): string {
  try {
    read();
    return "fine";
  } catch (error) {
    return error instanceof BoxError ? "fine" : String(error);
  }
}
