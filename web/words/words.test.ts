import { describe, expect, test } from "vitest";
import { de as dePages } from "./pages/de.ts";
import { en as enPages } from "./pages/en.ts";
import { de } from "./player/de.ts";
import { en } from "./player/en.ts";
import { fill, playerWords } from "./player/words.ts";

type Texts = { readonly [key: string]: string | Texts };

const textsOf = (texts: Texts): string[] =>
  Object.values(texts).flatMap((text) => typeof text === "string" ? [text] : textsOf(text));
const blanksOf = (text: string) => text.match(/\{\w+\}/g) ?? [];

describe.each([["player", en, de], ["pages", enPages, dePages]])("%s", (_what, english, other) => {
  test("every text is there, with the same blanks", () => {
    const [ours, theirs] = [textsOf(english), textsOf(other)];
    expect(theirs.filter((text) => text.trim() === "")).toEqual([]);
    expect(theirs.map(blanksOf)).toEqual(ours.map(blanksOf));
  });
});

test("playerWords() go by the language, whatever the region", () => {
  expect(playerWords("de-CH")).toBe(de);
  expect(playerWords("DE")).toBe(de);
  expect(playerWords("en-GB")).toBe(en);
  expect(playerWords("fr")).toBe(en);
  expect(playerWords("")).toBe(en);
});

test("fill() leaves what it has no value for", () => {
  expect(fill("{s} s behind {x}", { s: "3" })).toBe("3 s behind {x}");
});
