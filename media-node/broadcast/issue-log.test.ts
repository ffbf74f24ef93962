import { expect, test } from "vitest";
import type { Finding } from "#shared/contracts/issues.ts";
import { createLogger, type LogFields, type LogLine } from "#shared/log.ts";
import { IssueLog } from "./issue-log.ts";

const START = Date.parse("2026-01-02T03:04:05.000Z");
const SILENT: Finding = { code: "SILENT_AUDIO" };
const keyframes = (measured: number): Finding => ({
  code: "KEYFRAME_INTERVAL",
  measured,
  wanted: 2,
});

function setUp() {
  const lines: (LogLine & LogFields)[] = [];
  const issues = new IssueLog(createLogger({ level: "debug", write: (line) => lines.push(line) }));
  const note = (second: number, findings: readonly Finding[]) =>
    issues.note(findings, second * 1000, new Date(START + second * 1000));
  const logged = () => lines.map(({ event, level, code }) => [event, level, code]);
  return { note, lines, logged };
}

test("IssueLog keeps the since of an issue while its figures change", () => {
  const { note, lines } = setUp();
  expect(note(0, [])).toEqual([]);
  expect(note(1, [keyframes(4)])).toMatchObject([{ since: "2026-01-02T03:04:06.000Z" }]);
  expect(note(2, [keyframes(5)])).toMatchObject([
    { since: "2026-01-02T03:04:06.000Z", sentence: "Keyframe every 5.0 s.", measured: 5 },
  ]);
  expect(lines).toMatchObject([{
    level: "warn",
    event: "broadcast.issue_began",
    code: "KEYFRAME_INTERVAL",
    sentence: "Keyframe every 4.0 s.",
    advice: "Set 2 s in OBS › Output › Keyframe interval; in FFmpeg, -g with so many frames.",
  }]);
});

test("IssueLog does not let an issue flicker, and says once that it is over", () => {
  const { note, lines, logged } = setUp();
  for (let second = 0; second < 60; second += 1) {
    expect(note(second, second % 9 === 0 ? [SILENT] : [])).toHaveLength(1);
  }
  expect(logged()).toEqual([["broadcast.issue_began", "warn", "SILENT_AUDIO"]]);
  // Found for the last time at 54 s.
  expect(note(63.9, [])).toHaveLength(1);
  for (const second of [64, 65]) expect(note(second, [])).toEqual([]);
  // What no longer holds is not said in the words of what does.
  expect(lines.slice(1)).toEqual([{
    level: "info",
    time: expect.any(String),
    event: "broadcast.issue_over",
    code: "SILENT_AUDIO",
    since: "2026-01-02T03:04:05.000Z",
    durationS: 64,
  }]);
  expect(note(70, [SILENT])).toMatchObject([{ since: "2026-01-02T03:05:15.000Z" }]);
});

test("IssueLog has one issue for a code, in the order of the list", () => {
  const { note, logged } = setUp();
  const issues = note(0, [{ code: "B_FRAMES" }, SILENT, keyframes(4), keyframes(9)]);
  expect(issues.map(({ code }) => code)).toEqual(["KEYFRAME_INTERVAL", "B_FRAMES", "SILENT_AUDIO"]);
  expect(issues[0]).toMatchObject({ measured: 4 });
  expect(logged()[0]).toEqual(["broadcast.issue_began", "info", "B_FRAMES"]);
});
