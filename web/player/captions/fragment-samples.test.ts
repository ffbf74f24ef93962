import { expect, test } from "vitest";
import { captionedInit, captionedPart, captionedUnits } from "#test/helpers/captioned-fragments.ts";
import { captionNumbers } from "#test/helpers/habits/captions.ts";
import { readPictureRuns, readPictureTrack } from "./fragment-samples.ts";

const units = captionedUnits(captionNumbers(30), 4);
const part = captionedPart(units, 1, 4);
const TRACK = readPictureTrack(captionedInit());

test("readPictureRuns() finds each picture's bytes and times", () => {
  const [run] = readPictureRuns(part, TRACK?.id ?? 0);
  const frameTicks = (TRACK?.timescale ?? 0) / 30;
  expect(run?.endTicks).toBe(4 * frameTicks);
  expect(run?.samples.map(({ ptsTicks }) => ptsTicks / frameTicks)).toEqual([1, 2, 3]);
  const found = run?.samples.map(({ offset, bytes }) => part.slice(offset, offset + bytes));
  expect(found?.map((bytes) => Buffer.from(bytes))).toEqual(
    units.slice(1).map((unit) => Buffer.from(unit)),
  );
});

test.each([
  ["of another track", part, 7],
  ["that are cut off", part.subarray(0, 60), 1],
  ["of nothing", new Uint8Array(), 1],
])("readPictureRuns() %s are none", (_what, bytes, id) => {
  expect(readPictureRuns(bytes, id)).toEqual([]);
});

test("readPictureTrack() of something else is null", () => {
  expect(readPictureTrack(part)).toBeNull();
});
