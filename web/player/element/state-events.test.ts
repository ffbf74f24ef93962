import { expect, test } from "vitest";
import { noFacts } from "../watching/watch-facts.ts";
import { type Screen, screenOf, type WatchState } from "../watching/watch-screen.ts";
import { eventsOf } from "./state-events.ts";

const screen = (state: WatchState, changes: Partial<Screen> = {}): Screen => ({
  ...screenOf(noFacts(0), 0),
  state,
  ...changes,
});
const names = (before: Screen | null, after: Screen) =>
  eventsOf(before, after).map(({ type }) => type);

test.each<[WatchState, WatchState, readonly string[]]>([
  ["joining", "live", ["live", "screen"]],
  ["live", "behind", ["behind", "screen"]],
  ["behind", "live", ["live", "screen"]],
  ["live", "ended", ["ended", "screen"]],
  ["live", "failed", ["error", "screen"]],
  ["ended", "removed", ["error", "screen"]],
  ["live", "stalled", ["screen"]],
  ["live", "live", []],
])("eventsOf() from %s to %s", (before, after, expected) => {
  expect(names(screen(before), screen(after))).toEqual(expected);
});

test("eventsOf() says how far behind and why it failed", () => {
  const [behind] = eventsOf(null, screen("behind", { ageS: 12.4 }));
  expect((behind as CustomEvent).detail).toEqual({ seconds: 12.4 });
  const [error] = eventsOf(null, screen("removed", { words: "It is gone." }));
  expect((error as CustomEvent).detail).toEqual({ state: "removed", message: "It is gone." });
});

test("eventsOf() tells of words and figures that change in one state", () => {
  expect(names(screen("live", { ageS: 1 }), screen("live", { ageS: 1.1 }))).toEqual(["screen"]);
});
