import { expect, test } from "vitest";
import { EncodeSpeed } from "./encode-speed.ts";

/** Noted twice a second from `fromS` to `toS`; `shownS` says how far viewers are. */
function follow(
  speed: EncodeSpeed,
  fromS: number,
  toS: number,
  shownS: (atS: number) => number,
): void {
  for (let atS = fromS; atS <= toS; atS += 0.5) speed.note(shownS(atS) * 90_000, atS * 1000);
}

test("an encoder that keeps up has real time, whenever it began", () => {
  const speed = new EncodeSpeed();
  speed.note(-Infinity, 0);
  follow(speed, 2, 5, (atS) => atS - 1);
  expect(speed.perSecond).toBeNull();
  follow(speed, 5.5, 10, (atS) => atS - 1);
  expect(speed.perSecond).toBeCloseTo(1, 5);
});

test("what it did before counts no more after six seconds", () => {
  const speed = new EncodeSpeed();
  follow(speed, 0, 20, (atS) => atS * 0.2);
  expect(speed.perSecond).toBeCloseTo(0.2, 5);
  follow(speed, 20.5, 27, (atS) => 4 + (atS - 20) * 1.5);
  expect(speed.perSecond).toBeCloseTo(1.5, 5);
});

test("another encoder has done nothing yet", () => {
  const speed = new EncodeSpeed();
  follow(speed, 0, 10, (atS) => atS);
  speed.restart();
  expect(speed.perSecond).toBeNull();
});
