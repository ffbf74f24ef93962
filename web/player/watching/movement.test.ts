import { expect, test } from "vitest";
import { type Movement, noteFrames, notePlace, noteSeek, STILL } from "./movement.ts";

/** The movement after samples of `[atMs, frames]`; `"seek"` in between. */
function after(...samples: readonly (readonly [number, number] | "seek")[]): Movement {
  return samples.reduce<Movement>(
    (movement, sample) =>
      sample === "seek" ? noteSeek(movement) : noteFrames(movement, sample[1], sample[0]),
    STILL,
  );
}

test("noteFrames() sees a picture that moves", () => {
  expect(after([0, 1], [250, 8], [500, 16]).movedAtMs).toBe(500);
  expect(after([0, 1], [250, 8], [500, 8], [750, 8]).movedAtMs).toBe(250);
  // One frame a second.
  expect(after([0, 1], [250, 1], [1000, 2], [1250, 2]).movedAtMs).toBe(1000);
});

test("noteFrames() takes a first picture for no movement", () => {
  expect(after([0, 0], [250, 1], [500, 1])).toEqual({
    frames: 1,
    placedAtMs: 250,
    movedAtMs: null,
  });
});

test("noteSeek(): what a seek decodes is no movement, what follows it is", () => {
  const moving = [[0, 1], [250, 8]] as const;
  expect(after(...moving, "seek", [5000, 60]).movedAtMs).toBe(250);
  expect(after(...moving, "seek", [5000, 60], "seek", [7000, 90]).movedAtMs).toBe(250);
  expect(after(...moving, "seek", [5000, 60], [5250, 67]).movedAtMs).toBe(5250);
});

test("noteFrames() begins anew where the count does", () => {
  const loaded = after([0, 1], [250, 300], "seek", [500, 0], [750, 3]);
  expect(loaded).toEqual({ frames: 3, placedAtMs: 750, movedAtMs: 250 });
});

test("notePlace() is a picture that has not moved", () => {
  expect(notePlace(STILL, 500)).toEqual({ frames: 0, placedAtMs: 500, movedAtMs: null });
  const shown = after([0, 1]);
  expect(notePlace(shown, 500)).toBe(shown);
});
