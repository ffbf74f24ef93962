import { describe, expect, test } from "vitest";
import { isQuestionDue, noFacts, noteEvent, type WatchEvent } from "./watch-facts.ts";
import { screenOf, type WatchState } from "./watch-screen.ts";

type Story = readonly (readonly [atMs: number, event: WatchEvent])[];

const factsAfter = (story: Story) =>
  story.reduce((facts, [atMs, event]) => noteEvent(facts, event, atMs), noFacts(0));
const screenAt = (atMs: number, story: Story) => screenOf(factsAfter(story), atMs);
const stateAt = (atMs: number, story: Story): WatchState => screenAt(atMs, story).state;

const video = (status: "CREATED" | "RUNNING" | "ENDED"): WatchEvent => ({ kind: "video", status });
const load = (what: "nothing" | "live" | "recording"): WatchEvent => ({ kind: "load", what });
const paused = (isPaused: boolean): WatchEvent => ({ kind: "paused", isPaused });
const grown = (newest: number): WatchEvent => ({
  kind: "grown",
  growth: { newest, rhythmMs: 340 },
});
const answer = (askedAtMs: number, newest: number): WatchEvent => ({
  kind: "answer",
  answer: { askedAtMs, growth: { newest, rhythmMs: 340 } },
});
const unreached: WatchEvent = { kind: "answer", answer: null };
const offline: WatchEvent = {
  kind: "answer",
  answer: { askedAtMs: 0, growth: null, isUnreachable: true },
};
const age = (ageS: number, usualS = 1): WatchEvent => ({ kind: "age", ageS, usualS });
const SHOWN: WatchEvent = { kind: "shown" };
const MOVED: WatchEvent = { kind: "moved" };
const PLAYED_OUT: WatchEvent = { kind: "playedOut" };

const LIVE: Story = [[0, video("RUNNING")], [0, load("live")], [500, SHOWN], [900, grown(7)], [
  1000,
  MOVED,
]];
/** The publisher was killed at 1000. */
const GONE: Story = [...LIVE, [1500, MOVED], [2500, answer(2500, 7)]];
const every = (stepMs: number, fromMs: number, toMs: number): Story =>
  Array.from({ length: (toMs - fromMs) / stepMs }, (_, step) => [fromMs + step * stepMs, MOVED]);
/** 1.25 s between two pictures. */
const HALTING = every(1250, 2000, 9000);
const MOVING = every(250, 9000, 21_000);
const OVER: Story = [...LIVE, [3000, video("ENDED")]];
const RECORDING: Story = [[0, video("ENDED")], [0, load("recording")], [300, SHOWN], [600, MOVED]];

test.each<[string, WatchState, number, Story]>([
  ["nothing is known", "joining", 0, []],
  ["it has not begun", "waiting", 0, [[0, video("CREATED")]]],
  ["the API does not answer", "reconnecting", 0, [[0, video("CREATED")], [0, {
    kind: "unanswered",
  }]]],
  ["the API answers again", "waiting", 0, [[0, { kind: "unanswered" }], [0, video("CREATED")]]],
  ["the API does not answer, and a picture moves", "live", 1100, [...LIVE, [1000, {
    kind: "unanswered",
  }]]],
  ["it begins", "joining", 100, LIVE.slice(0, 2)],
  ["it takes long to begin", "joining", 20_000, LIVE.slice(0, 2)],
  ["a first picture is there", "live", 600, LIVE.slice(0, 3)],
  ["the picture moves", "live", 1200, LIVE],
  ["the picture stands for a moment", "live", 3000, LIVE],
  ["the picture stands", "stalled", 3600, LIVE],
  ["it moves again", "live", 5100, [...LIVE, [5000, MOVED]]],
  ["it moves a little now and then", "stalled", 8300, [...LIVE, ...HALTING]],
  ["it has moved well since", "live", 21_000, [...LIVE, ...HALTING, ...MOVING]],
  ["it is paused", "live", 60_000, [...LIVE, [2000, paused(true)]]],
  ["it goes on after a pause", "live", 61_000, [...LIVE, [2000, paused(true)], [
    60_000,
    paused(false),
  ]]],
  ["it does not go on after a pause", "stalled", 63_000, [...LIVE, [2000, paused(true)], [
    60_000,
    paused(false),
  ]]],
  ["nobody sees the page", "live", 60_000, [...LIVE, [2000, { kind: "hidden", isHidden: true }]]],
  ["the lowest rung does not fit", "tooSlow", 4000, [...LIVE, [2000, {
    kind: "fit",
    tooSlow: "connection",
  }]]],
  ["it does not fit, and moves still", "live", 2100, [...LIVE, [2000, {
    kind: "fit",
    tooSlow: "connection",
  }], [2000, MOVED]]],
  ["the device is too slow, though it moves", "tooSlow", 2100, [...LIVE, [2000, {
    kind: "fit",
    tooSlow: "device",
  }], [2000, MOVED]]],
  ["the device keeps up again", "live", 2200, [
    ...LIVE,
    [2000, {
      kind: "fit",
      tooSlow: "device",
    }],
    [2100, { kind: "fit", tooSlow: null }],
    [2100, MOVED],
  ]],
  ["the server cannot be reached", "reconnecting", 3000, [...LIVE, [2500, unreached], [
    2900,
    unreached,
  ]]],
  ["a line that seemed too slow is gone", "reconnecting", 4000, [
    ...LIVE,
    [2000, { kind: "fit", tooSlow: "connection" }],
    [2500, offline],
    [2900, offline],
  ]],
  ["a line too slow brings no answer in time", "tooSlow", 4000, [
    ...LIVE,
    [2000, { kind: "fit", tooSlow: "connection" }],
    [2500, unreached],
    [2900, unreached],
  ]],
  ["the server can be reached again", "live", 4100, [
    ...LIVE,
    [2500, unreached],
    [
      2900,
      unreached,
    ],
    [4000, grown(8)],
    [4000, MOVED],
  ]],
  ["it was deleted", "removed", 1000, [...LIVE, [1000, { kind: "removed", words: "Gone." }]]],
  ["it was deleted, and the rest plays", "removed", 1000, [...LIVE, [1000, {
    kind: "removed",
    words: "Gone.",
  }], [1000, MOVED]]],
  ["the browser cannot", "failed", 1000, [[0, { kind: "failed", words: "No HLS." }]]],
  ["a recording loads", "joining", 100, RECORDING.slice(0, 2)],
  ["a recording plays", "recording", 700, RECORDING],
  ["a recording stands", "stalled", 4000, RECORDING],
  ["a recording has been played", "recording", 60_000, [...RECORDING, [5000, PLAYED_OUT]]],
])("screenOf(): when %s it is %s", (_what, state, atMs, story) => {
  expect(stateAt(atMs, story)).toBe(state);
});

describe("a broadcaster who is away", () => {
  test("is said while the rest still plays, at the picture's edge, and then in its place", () => {
    const rewound: Story = [...GONE, [2600, MOVED]];
    expect(screenAt(2700, rewound)).toMatchObject({
      state: "encoderGone",
      badge: "broadcaster away",
      isCovering: false,
      ageS: null,
    });
    expect(screenAt(2700, GONE).isCovering).toBe(true);
    expect(screenAt(2700, GONE).words).toMatch(/broadcaster is away/);
  });

  test.each<[string, Story]>([
    ["pictures that were there already", [[3000, MOVED], [9000, MOVED]]],
    ["another rendition, or another player", [[3000, load("live")], [3200, grown(7)], [
      3400,
      MOVED,
    ]]],
    ["a pause", [[3000, paused(true)], [4000, paused(false)]]],
    ["an answer of the API", [[3000, video("RUNNING")]]],
    ["a look elsewhere", [[3000, { kind: "hidden", isHidden: true }], [4000, {
      kind: "hidden",
      isHidden: false,
    }]]],
    ["more that does not show yet", [[9000, grown(8)]]],
  ])("stays away after %s", (_what, story) => {
    expect(stateAt(60_000, [...GONE, ...story])).toBe("encoderGone");
  });

  test("is back with the first picture of what comes, and over with the broadcast", () => {
    expect(stateAt(9300, [...GONE, [9000, grown(8)], [9200, MOVED]])).toBe("live");
    expect(stateAt(9300, [...GONE, [9000, video("ENDED")]])).toBe("ended");
  });

  test("is back at once for who has paused", () => {
    expect(stateAt(9300, [...GONE, [3000, paused(true)], [9000, grown(8)]])).toBe("live");
  });

  test("is one thing, a connection that fails another", () => {
    const both: Story = [...GONE, [5000, unreached], [5300, unreached]];
    expect(screenAt(5400, both)).toMatchObject({ state: "reconnecting", badge: "no connection" });
    expect(stateAt(7100, [...both, [7000, answer(7000, 7)]])).toBe("encoderGone");
  });
});

describe("the offer of the recording", () => {
  test.each<[string, boolean, Story]>([
    ["what is left plays", false, [[3100, MOVED]]],
    ["all has been shown", true, [[3100, MOVED], [3200, PLAYED_OUT]]],
    ["all has been shown and paused", true, [[3100, paused(true)], [3200, PLAYED_OUT]]],
    ["it is paused", false, [[3100, paused(true)]]],
    ["nothing is left to play", true, [[3100, load("nothing")]]],
    ["nobody saw the end", false, [[2900, { kind: "hidden", isHidden: true }]]],
    ["the viewer goes back once more", false, [[3100, PLAYED_OUT], [3200, MOVED]]],
    ["more is listed", false, [[3100, grown(9)], [3200, MOVED]]],
  ])("is there when %s (in the picture's place: %s)", (_what, isCovering, story) => {
    expect(screenAt(3300, [...OVER, ...story])).toMatchObject({
      state: "ended",
      action: "playRecording",
      badge: "ended",
      isCovering,
    });
  });

  test("goes with the click alone", () => {
    expect(stateAt(3300, [...OVER, [3200, load("recording")]])).toBe("joining");
    expect(stateAt(3800, [...OVER, [3200, load("recording")], [3700, MOVED]])).toBe("recording");
  });
});

describe("a picture behind live", () => {
  test("says by how much, and the badge is the way back", () => {
    expect(screenAt(1100, [...LIVE, [1000, age(12.4)]])).toMatchObject({
      state: "behind",
      badge: "12 s behind",
      isWayBack: true,
      ageS: 12.4,
    });
  });

  test("is measured by what is usual", () => {
    expect(stateAt(1100, [...LIVE, [1000, age(8, 6)]])).toBe("live");
    expect(stateAt(1100, [...LIVE, [1000, age(8, 1)]])).toBe("behind");
  });

  test("is live again once it has caught up, and not to and fro on the way", () => {
    const far: Story = [...LIVE, [1000, age(12)]];
    expect(stateAt(1100, [...far, [1050, age(4.5)]])).toBe("behind");
    expect(stateAt(1100, [...far, [1050, age(2.9)]])).toBe("live");
    expect(screenAt(1100, [...far, [1050, age(2.9)]])).toMatchObject({
      badge: "LIVE",
      isWayBack: false,
    });
  });

  test("says nothing about a picture that stands", () => {
    expect(screenAt(9000, [...LIVE, [1000, age(12)]])).toMatchObject({
      state: "stalled",
      badge: "no picture",
      ageS: null,
    });
  });
});

test("isQuestionDue() only while a broadcast is watched and nothing of it comes", () => {
  expect(isQuestionDue(factsAfter(LIVE), 1500)).toBe(false);
  expect(isQuestionDue(factsAfter(LIVE), 2000)).toBe(true);
  expect(isQuestionDue(factsAfter(OVER), 9000)).toBe(false);
  expect(isQuestionDue(factsAfter(RECORDING), 9000)).toBe(false);
});
