import { expect, test } from "vitest";
import { lineSchema, linesSchema, toLine } from "./text.ts";

test.each<[string, boolean, boolean]>([
  ["a name", true, true],
  ["📹 live", true, true],
  ["two\nlines", false, true],
  ["NUL \0 inside", false, false],
  ["half a pair \ud83d", false, false],
  ["the other half \udcf9", false, false],
])("%j is a line: %s, and lines: %s", (text, isLine, isLines) => {
  expect(lineSchema(1, 100).safeParse(text).success).toBe(isLine);
  expect(linesSchema(100).safeParse(text).success).toBe(isLines);
});

test("toLine() makes a line of anything", () => {
  expect(toLine("  exit 1:\n\tno\0 room\x7f", 100)).toBe("exit 1: no  room");
  expect(toLine("📹📹", 3)).toBe("📹");
  expect(toLine("\0\ud800", 10)).toBe("");
});
