import { describe, expect, test } from "vitest";
import { FieldReader, findBox, readBoxes, readMovieFragment } from "./boxes.ts";
import { type MuxSample, writeFragment } from "./fragment-writer.ts";
import { mergeFragments } from "./merge-fragments.ts";

const sample = (name: number, change: Partial<MuxSample> = {}): MuxSample => ({
  durationTicks: 3000,
  compositionTicks: 0,
  isSync: false,
  data: Uint8Array.of(name, name, name),
  ...change,
});

const parts = [
  writeFragment({
    sequenceNumber: 12,
    video: { decodeTicks: 2 ** 33, samples: [sample(1, { isSync: true }), sample(2)] },
    audio: { decodeTicks: 48_000, samples: [sample(101, { durationTicks: 1024, isSync: true })] },
  }),
  writeFragment({
    sequenceNumber: 13,
    video: null,
    audio: { decodeTicks: 49_024, samples: [sample(102, { durationTicks: 1024, isSync: true })] },
  }),
  writeFragment({
    sequenceNumber: 14,
    // 500 ticks of nothing before it, and pictures that are shown in another order.
    video: {
      decodeTicks: 2 ** 33 + 6500,
      samples: [sample(3, { compositionTicks: 6000 }), sample(4, { compositionTicks: -1500 })],
    },
    audio: { decodeTicks: 50_048, samples: [sample(103, { durationTicks: 1024, isSync: true })] },
  }),
];

/** Every sample by track with the time it is decoded at, and its bytes. */
function samplesOf(bytes: Uint8Array) {
  return readBoxes(bytes).filter(({ type }) => type === "moof").flatMap(({ offset, body }) =>
    readMovieFragment(body).flatMap(({ trackId, baseMediaDecodeTime, dataOffset, samples }) => {
      let decodeTicks = baseMediaDecodeTime;
      let start = offset + dataOffset;
      return samples.map(({ duration, size, flags, compositionOffset }) => {
        const at = { trackId, decodeTicks, compositionOffset, isSync: (flags & 0x10000) === 0 };
        const data = [...bytes.subarray(start, start + size)];
        decodeTicks += duration;
        start += size;
        return { ...at, data };
      });
    })
  ).toSorted((one, other) => one.trackId - other.trackId);
}

describe("mergeFragments()", () => {
  const merged = mergeFragments(parts, 5);

  test("is one moof and one mdat with one run of each track", () => {
    const [moof, mdat, ...rest] = readBoxes(merged);
    expect([moof?.type, mdat?.type, rest]).toEqual(["moof", "mdat", []]);
    const body = moof?.body ?? new Uint8Array();
    expect(readBoxes(body).map(({ type }) => type)).toEqual(["mfhd", "traf", "traf"]);
    const [video, audio] = readMovieFragment(body);
    expect(video).toMatchObject({ trackId: 1, baseMediaDecodeTime: 2 ** 33 });
    expect(audio).toMatchObject({ trackId: 2, baseMediaDecodeTime: 48_000 });
    const number = new FieldReader(findBox(body, ["mfhd"])?.body ?? new Uint8Array());
    number.skip(4);
    expect(number.uint32()).toBe(5);
  });

  test("keeps every sample with its times, its sync flag and its bytes", () => {
    const before = parts.flatMap(samplesOf).toSorted((one, other) => one.trackId - other.trackId);
    expect(before).toHaveLength(7);
    expect(samplesOf(merged)).toEqual(before);
  });

  test("of a sample that lasts longer than until the next one lets it begin in time", () => {
    const video = (decodeTicks: number) => ({
      sequenceNumber: 1,
      video: { decodeTicks, samples: [sample(1, { durationTicks: 3003 })] },
      audio: null,
    });
    const runs = [video(0), video(3000), video(6000)].map(writeFragment);
    expect(samplesOf(mergeFragments(runs, 1)).map(({ decodeTicks }) => decodeTicks))
      .toEqual([0, 3000, 6000]);
  });

  test("of damaged parts is refused, whatever the damage", () => {
    const [first, second] = parts;
    if (first === undefined || second === undefined) throw new Error("there are no parts");
    for (let at = 0; at < first.length; at += 1) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const damaged = first.slice();
        damaged[at] = value;
        expect(errorOf(() => mergeFragments([damaged, second], 1))).toBeOneOf([null, "BoxError"]);
      }
    }
  });
});

function errorOf(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}
