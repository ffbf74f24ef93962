import { expect, test } from "vitest";
import { LiveMargin } from "./live-margin.ts";

const OPTIONS = { reserveS: 0.3, stallS: 0.15 };
const PART_S = 0.33;

/** Plays for `seconds` at `distanceS + margin`; a delivery takes `lateS`, `hiccupS` more each 20 s. */
function play(margin: LiveMargin, distanceS: number, network: {
  readonly seconds: number;
  readonly lateS: number;
  readonly hiccupS?: number;
}): number {
  const { seconds, lateS, hiccupS = 0 } = network;
  for (let tick = 0; tick < seconds * 10; tick += 1) {
    const isHiccup = tick % 200 === 100;
    const lowS = distanceS + margin.seconds - PART_S - lateS - (isHiccup ? hiccupS : 0);
    margin.note(lowS + (tick % 3) * 0.1, tick * 100);
  }
  return margin.seconds;
}

test("LiveMargin comes closer on a network that delivers on time, down to its reserve", () => {
  const marginS = play(new LiveMargin(OPTIONS), 1.02, { seconds: 60, lateS: 0.05 });
  expect(1.02 + marginS - PART_S - 0.05).toBeCloseTo(OPTIONS.reserveS, 1);
});

test("LiveMargin stays where it began on a good network, and leaves at once on a slow one", () => {
  const good = new LiveMargin(OPTIONS, -0.2);
  expect(play(good, 1.02, { seconds: 2, lateS: 0.1 })).toBeLessThanOrEqual(-0.2);
  const slow = new LiveMargin(OPTIONS, -0.2);
  const marginS = play(slow, 1.02, { seconds: 2, lateS: 0.3 });
  expect(1.02 + marginS - PART_S - 0.3).toBeCloseTo(OPTIONS.reserveS, 1);
});

test("LiveMargin keeps more distance where parts come late now and then", () => {
  const network = { seconds: 120, lateS: 0.05, hiccupS: 0.2 };
  const marginS = play(new LiveMargin(OPTIONS), 1.02, network);
  expect(1.02 + marginS - PART_S - 0.05 - 0.2).toBeCloseTo(OPTIONS.reserveS, 1);
});

test("LiveMargin moves away as soon as the water falls below the reserve", () => {
  const margin = new LiveMargin(OPTIONS);
  play(margin, 1.02, { seconds: 60, lateS: 0.05 });
  const before = margin.seconds;
  expect(play(margin, 1.02, { seconds: 5, lateS: 0.15 })).toBeCloseTo(before + 0.1, 1);
});

test("LiveMargin leaves what it earned at a stall, and gives nothing up for a while", () => {
  const margin = new LiveMargin(OPTIONS);
  play(margin, 1.02, { seconds: 60, lateS: 0.05 });
  margin.noteStall(0);
  expect(margin.seconds).toBeCloseTo(OPTIONS.stallS);
  expect(play(margin, 1.02, { seconds: 19, lateS: 0.05 })).toBeCloseTo(OPTIONS.stallS);
  expect(play(margin, 1.02, { seconds: 60, lateS: 0.05 })).toBeLessThan(0);
});

test("LiveMargin does not grow without end", () => {
  const margin = new LiveMargin(OPTIONS);
  for (let stalls = 0; stalls < 50; stalls += 1) margin.noteStall(0);
  expect(margin.seconds).toBe(2);
});

test("LiveMargin moves a step away at a stall while it settles, and may come back soon", () => {
  const margin = new LiveMargin(OPTIONS, -0.2);
  margin.noteStall(0, true);
  expect(margin.seconds).toBeCloseTo(-0.2 + OPTIONS.stallS);
  expect(play(margin, 1.02, { seconds: 10, lateS: 0.05 })).toBeLessThan(-0.2);
});
