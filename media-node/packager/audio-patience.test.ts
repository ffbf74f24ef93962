import { expect, test } from "vitest";
import { AudioPatience } from "./audio-patience.ts";
import { ticksOf } from "./segmenter.ts";

const ms = ticksOf;

/** Audio that came `lagMs` behind the video, up to `toMs`. */
function patienceWith(lagMs: number, toMs: number): AudioPatience {
  const patience = new AudioPatience(true);
  for (let endMs = 20; endMs <= toMs; endMs += 20) patience.note(ms(endMs), ms(endMs + lagMs));
  return patience;
}

test("nothing is waited for where no audio is expected", () => {
  const patience = new AudioPatience(false);
  expect(patience.isOver(ms(340), ms(340))).toBe(true);
  expect(patience.isOver(ms(340), null)).toBe(true);
});

test("audio that nobody expected is waited for once it has come", () => {
  const patience = new AudioPatience(false);
  patience.note(ms(20), ms(20));
  expect(patience.isOver(ms(340), ms(340))).toBe(false);
});

test("a part whose audio is there does not wait", () => {
  const patience = patienceWith(0, 1000);
  expect(patience.isOver(ms(1000), null)).toBe(true);
  expect(patience.isOver(ms(1000), ms(1000))).toBe(true);
  expect(patience.isOver(ms(1001), ms(1001))).toBe(false);
});

test("before the first audio it is waited for 1.5 s", () => {
  const patience = new AudioPatience(true);
  expect(patience.isOver(ms(340), ms(1840))).toBe(false);
  expect(patience.isOver(ms(340), ms(1841))).toBe(true);
});

test.each<[string, number, number]>([
  ["comes beside the video", 0, 250],
  ["lags by a little", 100, 250],
  ["comes in bursts", 400, 600],
  ["lags by more than it may", 3000, 1500],
])("audio that %s is waited for", (_name, lagMs, limitMs) => {
  const isOver = (aheadMs: number) =>
    patienceWith(lagMs, 1000).isOver(ms(1340), ms(1340 + aheadMs));
  expect(isOver(limitMs - 20)).toBe(false);
  expect(isOver(limitMs + 1)).toBe(true);
});

test("audio that stays away holds nothing up, until it is back", () => {
  const patience = patienceWith(0, 1000);
  expect(patience.isOver(ms(1340), ms(1600))).toBe(true);
  expect(patience.isOver(ms(1680), ms(1680))).toBe(true);
  patience.note(ms(1700), ms(1700));
  expect(patience.isOver(ms(2040), ms(2040))).toBe(false);
});

test("only audio came: it says nothing about how far the video is", () => {
  const patience = patienceWith(0, 1000);
  expect(patience.isOver(ms(1340), ms(1600))).toBe(true);
  expect(patience.isOver(ms(1680), null)).toBe(false);
});

test("the end of everything waits for nothing, and is no absence", () => {
  const patience = patienceWith(0, 1000);
  expect(patience.isOver(ms(1340), Number.POSITIVE_INFINITY)).toBe(true);
  expect(patience.isOver(ms(1680), ms(1680))).toBe(false);
});

test("audio before the first picture is no lag", () => {
  const patience = new AudioPatience(true);
  patience.note(ms(20), -Infinity);
  expect(patience.isOver(ms(340), ms(580))).toBe(false);
  expect(patience.isOver(ms(340), ms(591))).toBe(true);
});
