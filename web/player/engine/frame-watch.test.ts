import { expect, test } from "vitest";
import {
  type FrameCount,
  isSmallerWorthwhile,
  isTooHeavy,
  lighterLevel,
  newWatch,
  noteCount,
} from "./frame-watch.ts";

/** What a second of it is like. */
type Second = Partial<Omit<FrameCount, "atMs">>;

function watchFor(seconds: number, second: Second) {
  const { frames = 30, dropped = 0, timeS = 1, isDue = true } = second;
  const countAt = (s: number): FrameCount => ({
    atMs: s * 1000,
    frames: frames * s,
    dropped: dropped * s,
    timeS: timeS * s,
    isDue,
  });
  let watch = newWatch(countAt(0));
  for (let tenth = 1; tenth <= seconds * 10; tenth += 1) {
    watch = noteCount(watch, countAt(tenth / 10));
  }
  return watch;
}

test.each<[string, number, Second, boolean]>([
  ["all is shown", 10, {}, false],
  ["one frame in four is dropped", 10, { dropped: 7 }, false],
  ["half of the frames are dropped", 5, { dropped: 15 }, true],
  ["half of the frames are dropped, for three seconds", 3, { dropped: 15 }, false],
  ["the picture stands", 5, { frames: 0, timeS: 0 }, true],
  ["the picture takes twice its time", 5, { frames: 15, timeS: 0.5 }, true],
  ["the camera sends a frame a second", 10, { frames: 1 }, false],
  ["it catches up", 10, { frames: 45, timeS: 1.5 }, false],
  ["it stands, and seeks ahead", 5, { frames: 0, timeS: 10 }, true],
  ["nothing is there to show", 10, { frames: 0, timeS: 0, isDue: false }, false],
  ["nobody looks", 10, { dropped: 30, isDue: false }, false],
])("isTooHeavy() when %s", (_, seconds, second, expected) => {
  expect(isTooHeavy(watchFor(seconds, second))).toBe(expected);
});

test("noteCount() begins anew where the element counts anew", () => {
  const count = { atMs: 0, dropped: 0, timeS: 0, isDue: true };
  const watch = noteCount(watchFor(5, { dropped: 15 }), { ...count, frames: 3 });
  expect(isTooHeavy(watch)).toBe(false);
});

test.each<[number, number | null, boolean]>([
  [0.5, null, true],
  [0.5, 0.3, true],
  [0.5, 0.49, false],
  [0.1, 0.1, true],
])("isSmallerWorthwhile(%d, %s) is %s", (share, above, expected) => {
  expect(isSmallerWorthwhile(share, above)).toBe(expected);
});

test.each<[number, number, number]>([
  [2, 0.6, 1],
  [2, 0.3, 0],
  [2, 0.01, 0],
  [1, 0.9, 0],
  [0, 0.5, 0],
])("lighterLevel() below %d, of which %d is shown, is %d", (level, share, expected) => {
  expect(lighterLevel([426 * 240, 854 * 480, 1280 * 720], level, share)).toBe(expected);
});
