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
    dog.noteProgress(nowMs);
    dog.noteOutput(0);
    expect(dog.check(nowMs, nowMs)).toBeNull();
  });
});

test.each([
  ["the input is not taken", "it takes no input"],
  ["frames stand still", "no progress for 5 s of input"],
  ["one output is silent", "no output 1 for 5 s of input"],
])("Watchdog speaks up within 6 s when %s", (what, sentence) => {
  const dog = new Watchdog(2, 0);
  const isStuck = (sign: string, nowMs: number) => nowMs > 10_000 && sentence.includes(sign);
  const said: [number, string][] = [];
  feed(dog, 0, 16_000, (nowMs) => {
    if (!isStuck("progress", nowMs)) dog.noteProgress(nowMs);
    dog.noteOutput(0);
    if (!isStuck("output 1", nowMs)) dog.noteOutput(1);
    const problem = dog.check(nowMs, isStuck("takes", nowMs) ? 10_000 : nowMs);
    if (problem !== null) said.push([nowMs, problem]);
  });
  expect(said[0]?.[1], what).toBe(sentence);
  expect(said[0]?.[0]).toBeLessThanOrEqual(16_000);
});

test("Watchdog does not blame ffmpeg for a publisher that paused", () => {
  const dog = new Watchdog(1, 0);
  feed(dog, 0, 6000, (nowMs) => {
    dog.noteProgress(nowMs);
    dog.noteOutput(0);
  });
  dog.noteInput(6050);
  expect(dog.check(30_000, 30_000)).toBeNull();
  dog.noteInput(30_000);
  expect(dog.check(30_100, 30_100)).toBeNull();
});
