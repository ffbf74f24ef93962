import { describe, expect, test } from "vitest";
import {
  isAskDue,
  type LiveLine,
  newLine,
  noteAnswer,
  noteAsked,
  noteCut,
  noteGrowth,
  noteMoved,
} from "./live-line.ts";

const LOW_MS = 340;
const STANDARD_MS = 2000;

type Step =
  | readonly [atMs: number, what: "moved" | "cut" | "unanswered" | "nothing" | "over"]
  | readonly [atMs: number, what: "grown" | "answer", newest: number | null];

/** The line after `steps`, where a part takes `rhythmMs`. */
function after(rhythmMs: number, ...steps: readonly Step[]): LiveLine {
  return steps.reduce((line, [atMs, what, newest = null]) => {
    if (what === "moved") return noteMoved(line);
    if (what === "cut") return noteCut(line);
    if (what === "grown") return noteGrowth(line, { newest, rhythmMs }, atMs);
    const growth = what === "answer" ? { newest, rhythmMs } : what === "over" ? what : null;
    const answer = what === "unanswered" ? null : { askedAtMs: atMs, growth };
    return noteAnswer(noteAsked(line, atMs), answer, atMs + 10);
  }, newLine(0));
}

const GONE = [[0, "grown", 7], [1500, "answer", 7]] as const;

test.each<[string, LiveLine["verdict"], readonly Step[]]>([
  ["comes", "fine", [[0, "grown", 7], [300, "grown", 8]]],
  ["has no more after a while", "away", GONE],
  ["has no more yet", "fine", [[0, "grown", 7], [1100, "answer", 7]]],
  ["is not there at this moment", "away", [[0, "grown", 7], [1500, "nothing"]]],
  ["says that it is over", "fine", [[0, "grown", 7], [1500, "over"]]],
  ["has more than comes through", "late", [[0, "grown", 7], [1500, "answer", 9]]],
  ["had more, and has no more since", "away", [
    [0, "grown", 7],
    [1500, "answer", 9],
    [3500, "answer", 9],
  ]],
  ["has more each time", "late", [[0, "grown", 7], [1500, "answer", 9], [3500, "answer", 11]]],
  ["did not answer once", "fine", [[0, "grown", 7], [1500, "unanswered"]]],
  ["did not answer twice", "broken", [[0, "grown", 7], [1500, "unanswered"], [1800, "unanswered"]]],
  ["answers again", "away", [
    [0, "grown", 7],
    [1500, "unanswered"],
    [1800, "unanswered"],
    [3800, "answer", 7],
  ]],
  ["cannot be reached while it has no more", "broken", [
    ...GONE,
    [3500, "unanswered"],
    [3800, "unanswered"],
  ]],
  ["is where nobody knew it was", "fine", [[0, "grown", null], [1500, "answer", 9]]],
  ["is still there", "away", [[0, "grown", null], [1500, "answer", 9], [3500, "answer", 9]]],
  ["ends the stream itself", "away", [[0, "grown", null], [50, "cut"], [60, "answer", 9]]],
  ["said so before more came", "fine", [[0, "grown", 7], [2000, "grown", 8], [1500, "answer", 7]]],
])("a line whose server %s is %s", (_what, verdict, steps) => {
  expect(after(LOW_MS, ...steps).verdict).toBe(verdict);
});

test("nothing in a segment's time is no absence where segments come whole", () => {
  const grown = [[0, "grown", 7]] as const;
  expect(after(STANDARD_MS, ...grown, [2300, "answer", 7]).verdict).toBe("fine");
  expect(after(STANDARD_MS, ...grown, [2550, "answer", 7]).verdict).toBe("away");
});

describe("who was away", () => {
  test.each<[string, LiveLine["verdict"], readonly Step[]]>([
    ["nothing but a picture that still moves", "away", [[2000, "moved"]]],
    ["more, and no picture yet", "away", [[5000, "grown", 8]]],
    ["what another player finds", "away", [[5000, "grown", 7], [5200, "moved"]]],
    ["more on the server alone", "away", [[5000, "answer", 8]]],
    ["more, and a picture that moves", "fine", [[5000, "grown", 8], [5200, "moved"]]],
    ["more, and then nothing again", "away", [
      [5000, "grown", 8],
      [7000, "answer", 8],
      [7200, "moved"],
    ]],
  ])("after %s is %s", (_what, verdict, steps) => {
    expect(after(LOW_MS, ...GONE, ...steps).verdict).toBe(verdict);
  });
});

test("isAskDue() once nothing came for a while, often until the reason is known", () => {
  const due = (line: LiveLine, ...atMs: readonly number[]) => atMs.map((ms) => isAskDue(line, ms));
  expect(due(after(LOW_MS, [0, "grown", 7]), 900, 1100)).toEqual([false, true]);
  expect(due(after(STANDARD_MS, [0, "grown", 7]), 2100, 2250)).toEqual([false, true]);
  expect(due(after(LOW_MS, [0, "grown", 7], [1100, "answer", 7]), 1300, 1450)).toEqual([
    false,
    true,
  ]);
  expect(due(after(LOW_MS, ...GONE), 3000, 3600)).toEqual([false, true]);
  expect(due(after(LOW_MS, [0, "grown", 7], [100, "cut"]), 110)).toEqual([true]);
});
