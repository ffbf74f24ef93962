import { expect, test } from "vitest";
import { describeFile, loadedLater, loadedWith, weightOf } from "./page-weights.ts";

/** As bundlers write it; the project's own rule about imports reads this file too. */
const at = (name: string) => JSON.stringify(`./${name}`);

const FILES = new Map(
  [
    describeFile(
      "watch-1a.js",
      `import{a}from${at("shared-2b.js")};import${at("effects-3c.js")};x=()=>import(${
        at("engine-4d.js")
      })`,
      100,
    ),
    describeFile("shared-2b.js", "export const a=1", 20),
    describeFile("effects-3c.js", `import ${at("shared-2b.js")};"import('./no.js')"`, 3),
    // Bundlers let a chunk import the entry it was split from.
    describeFile(
      "engine-4d.js",
      `import{b}from${at("watch-1a.js")};export*from ${at("media-5e.js")};import( ${
        at("flv-6f.js")
      } )`,
      4000,
    ),
    describeFile("media-5e.js", "", 500),
    describeFile("flv-6f.js", "", 60_000),
  ].map((file) => [file.name, file]),
);
const namesOf = (files: readonly { readonly name: string }[]) => files.map(({ name }) => name);

test("describeFile() tells what is loaded with a file from what is loaded later", () => {
  expect(FILES.get("watch-1a.js")).toEqual({
    name: "watch-1a.js",
    bytes: 100,
    imports: ["shared-2b.js", "effects-3c.js"],
    lateImports: ["engine-4d.js"],
  });
  expect(FILES.get("engine-4d.js")?.lateImports).toEqual(["flv-6f.js"]);
});

test("loadedWith() follows imports once each, and none that come later", () => {
  const files = loadedWith(FILES, ["watch-1a.js"]);
  expect(namesOf(files)).toEqual(["watch-1a.js", "shared-2b.js", "effects-3c.js"]);
  expect(weightOf(files)).toBe(123);
});

test("loadedLater() leaves out what the page has already", () => {
  const files = loadedLater(FILES, ["watch-1a.js"], "engine-4d.js");
  expect(namesOf(files)).toEqual(["engine-4d.js", "media-5e.js"]);
  expect(weightOf(files)).toBe(4500);
});

test("a file that was not built is named", () => {
  expect(() => loadedWith(FILES, ["player-7g.js"])).toThrow("player-7g.js was not built");
});
