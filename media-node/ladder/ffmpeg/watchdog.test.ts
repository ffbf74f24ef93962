import { expect, test } from "vitest";
import { Watchdog } from "./watchdog.ts";

/** Input ten times a second from `fromMs` to `toMs`; `after` runs behind each. */
function feed(dog: Watchdog, fromMs: number, toMs: number, after: (nowMs: number) => void): void {
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 100) {
    dog.noteInput(nowMs);
    after(nowMs);
  }
}

test("Watchdog is content while input, progress and outputs flow", () => {
  const dog = new Watchdog(1, 0);
  feed(dog, 0, 20_000, (nowMs) => {
    dog.noteProgress(nowMs + 1);
    dog.noteOutput(0);
    expect(dog.check(nowMs, false)).toBeNull();
  });
});

test.each([
  ["frames stand still", "no progress for 5 s of input"],
  ["one output is silent", "no output 1 for 5 s of input"],
])("Watchdog speaks up within 6 s when %s", (_, sentence) => {
  const dog = new Watchdog(2, 0);
  const isStuck = (sign: string, nowMs: number) => nowMs > 10_000 && sentence.includes(sign);
  const said: [number, string][] = [];
  feed(dog, 0, 16_000, (nowMs) => {
    if (!isStuck("progress", nowMs)) dog.noteProgress(nowMs + 1);
    dog.noteOutput(0);
    if (!isStuck("output 1", nowMs)) dog.noteOutput(1);
    const problem = dog.check(nowMs, false);
    if (problem !== null) said.push([nowMs, problem]);
  });
  expect(said[0]?.[1]).toBe(sentence);
  expect(said[0]?.[0]).toBeLessThanOrEqual(16_000);
});

test("Watchdog notices a stopped ffmpeg while the publisher is held back for it", () => {
  const dog = new Watchdog(1, 0);
  dog.noteInput(6000);
  const times = Array.from({ length: 20 }, (_, n) => 6000 + n * 500);
  const noticed = times.find((nowMs) => dog.check(nowMs, true) !== null);
  expect(noticed).toBe(11_500);
});

test("Watchdog leaves a slow ffmpeg alone that has seconds of input before it", () => {
  const dog = new Watchdog(1, 0);
  dog.noteInput(0);
  for (let nowMs = 0; nowMs < 60_000; nowMs += 4000) {
    dog.noteProgress(nowMs / 4000 + 1);
    dog.noteOutput(0);
    expect(dog.check(nowMs, true)).toBeNull();
    expect(dog.check(nowMs + 3900, true)).toBeNull();
  }
});

test("Watchdog leaves one alone that decodes what was shown, as long as it takes its input", () => {
  const dog = new Watchdog(1, 0);
  for (let nowMs = 0; nowMs < 30_000; nowMs += 500) {
    if (nowMs < 20_000) dog.noteTaken();
    const problem = dog.check(nowMs, true);
    if (nowMs < 25_000) expect(problem).toBeNull();
    if (nowMs > 26_000) expect(problem).toBe("no sign of life for 5 s of input");
  }
});

test.each([["one frame a second", 1000], ["0.3 frames a second", 3333]])(
  "Watchdog knows a source of %s: what a decoder holds back, and what hangs",
  (_, stepMs) => {
    const dog = new Watchdog(1, 0);
    const hangsAt = 20;
    const noticed: number[] = [];
    for (let n = 0; n < 40; n += 1) {
      const nowMs = n * stepMs;
      dog.noteInput(nowMs);
      // Four frames late, as of a source whose frames may be shown in another order.
      if (n >= 4 && n < hangsAt) {
        dog.noteProgress(n);
        dog.noteOutput(0);
      }
      for (let at = nowMs; at < nowMs + stepMs; at += 500) {
        if (dog.check(at, false) !== null) noticed.push(n);
      }
    }
    expect(noticed[0]).toBeGreaterThan(hangsAt);
    expect(noticed[0]).toBeLessThan(hangsAt + 10);
  },
);

test("Watchdog does not blame ffmpeg for a publisher that paused", () => {
  const dog = new Watchdog(1, 0);
  feed(dog, 0, 6000, (nowMs) => {
    dog.noteProgress(nowMs + 1);
    dog.noteOutput(0);
  });
  dog.noteInput(6050);
  expect(dog.check(30_000, false)).toBeNull();
  dog.noteInput(30_000);
  expect(dog.check(30_100, false)).toBeNull();
});
