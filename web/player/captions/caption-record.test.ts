import { expect, test } from "vitest";
import {
  captionedInit,
  captionedPart,
  captionedUnits,
  FRAGMENT_FPS,
  reorderedPart,
} from "#test/helpers/captioned-fragments.ts";
import { captionNumbers, saidAt } from "#test/helpers/habits/captions.ts";
import { readCaptionBytes } from "./caption-bytes.ts";
import { CaptionRecord } from "./caption-record.ts";
import { CueList } from "./cue-list.ts";
import { readPictureTrack } from "./fragment-samples.ts";

const EVERY = 30;
const FRAMES = 120;
const PLACING = { offsetS: 5, stretchNumber: 0 };
const units = captionedUnits(captionNumbers(EVERY), FRAMES);
const track = readPictureTrack(captionedInit()) ?? { id: 0, timescale: 1 };

type Parts = readonly (readonly [from: number, to: number])[];

/** Takes parts (in frames) and tells what is said in the end: number, first frame, frame after the last. */
function takeAll(parts: Parts, { write = captionedPart, forgetsAt = -1 } = {}) {
  let said: { text: string; fromS: number; toS: number }[] = [];
  const list = new CueList<(typeof said)[number]>({
    create: ({ text, fromS, toS }) => {
      const cue = { text, fromS, toS };
      said.push(cue);
      return cue;
    },
    end: (cue, toS) => cue.toS = toS,
    remove: (cue) => said = said.filter((one) => one !== cue),
  });
  const record = new CaptionRecord(list);
  for (const [index, [from, to]] of parts.entries()) {
    if (index === forgetsAt) record.keep([{ fromS: PLACING.offsetS + 2, toS: Infinity }]);
    for (const run of readCaptionBytes(write(units, from, to), track, PLACING)) record.take(run);
  }
  return said.toSorted((one, other) => one.fromS - other.fromS).map(({ text, fromS, toS }) => {
    const frameAt = (atS: number) => Math.round((atS - PLACING.offsetS) * FRAGMENT_FPS);
    return [Number(text), frameAt(fromS), frameAt(toS)];
  });
}

/** The caption that begins after frame `index` is shown until the next ones are loaded, or to the end. */
const cueAfter = (index: number, to = index + EVERY) => {
  const said = saidAt(index + EVERY - 1, EVERY);
  return [said, said, to];
};
const ALL = [0, 30, 60, 90].map((index) => cueAfter(index));

const inParts = (frames: number) =>
  Array.from({ length: FRAMES / frames }, (_, n) => [n * frames, (n + 1) * frames] as const);

test.each([1, 10, 60, 120])("take() of parts of %d frames finds each caption's frame", (frames) => {
  expect(takeAll(inParts(frames))).toEqual(ALL);
});

test("take() finds a caption before it ends", () => {
  expect(takeAll([[0, 10], [10, 20]])).toEqual([cueAfter(0, 20)]);
});

test.each([10, 30])(
  "take() of %d frames puts them into the order in which they are shown",
  (frames) => {
    const said = takeAll(inParts(frames), { write: reorderedPart });
    // The first picture is shown one later than it is decoded.
    expect(said.map(([number, from]) => [number, (from ?? 0) - (number ?? 0)]))
      .toEqual(ALL.map(([number]) => [number, 1]));
  },
);

test("take() of media that was there before changes nothing", () => {
  expect(takeAll([...inParts(20), [0, 60], [60, 120]])).toEqual(ALL);
});

test.each([70, 75, 80, 90])("take() of what was before frame %d completes it", (joined) => {
  expect(takeAll([[joined, 100], [100, 120], [0, 60], [60, 80], [60, 120]])).toEqual(ALL);
});

test("take() goes on at the end after it has gone back", () => {
  expect(takeAll([[60, 80], [0, 60], [80, 90], [90, 100], [100, 120]])).toEqual(ALL);
});

test("take() after a hole forgets what was on the screen", () => {
  expect(takeAll([[0, 20], [50, 60]])).toEqual([cueAfter(0, 20)]);
});

test("what is forgotten is found again when it is taken again", () => {
  const parts = inParts(20);
  expect(takeAll([...parts, ...parts], { forgetsAt: parts.length })).toEqual(ALL);
});
