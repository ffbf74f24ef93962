/**
 * How the folders of the media node lie on one another. Who may import what between rooms is a rule of
 * `.oxlintrc.json`.
 */
import { expect, test } from "vitest";
import { findArrows, findCycle, readImportGraph } from "./import-graph.ts";
import { readSourceFiles } from "./source-files.ts";

const ROOM = "media-node";
const MAX_LINES = 350;

const FORMATS = [
  "formats",
  "formats/codecs",
  "formats/flv",
  "formats/jpeg",
  "formats/mp4",
  "formats/ts",
];
const INGEST = ["ingest", "ingest/admission", "ingest/rtmp"];
const LADDER = ["ladder", "ladder/ffmpeg"];

/** What the files of each folder may import beside their own, from the ground up. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "formats": [],
  "formats/codecs": ["formats"],
  "formats/flv": ["formats"],
  "formats/jpeg": [],
  "formats/mp4": ["formats"],
  "formats/ts": ["formats", "formats/codecs", "formats/mp4"],
  "hls": FORMATS,
  "ingest": FORMATS,
  "ingest/admission": ["ingest"],
  "ingest/rtmp": [...FORMATS, "ingest", "ingest/admission"],
  "ladder": FORMATS,
  "ladder/ffmpeg": [...FORMATS, "ladder"],
  "live": [...FORMATS, "hls", "ladder"],
  "recorder": [...FORMATS, "hls"],
  "packager": [...FORMATS, "hls", "live", "recorder"],
  "broadcast/health": FORMATS,
  "broadcast": [
    ...[...FORMATS, "hls", ...INGEST, ...LADDER],
    ...["live", "recorder", "packager", "broadcast/health"],
  ],
  "playback": [...FORMATS, "formats/ts", "hls", "live"],
  "downloads": [...FORMATS, "hls", "recorder"],
  // `node.ts` and `main.ts` put the others together.
  "": [
    ...[...INGEST, ...LADDER],
    ...["live", "recorder", "packager", "broadcast", "playback", "downloads"],
  ],
};

const files = readSourceFiles();
const graph = readImportGraph(files, ROOM);

test("folders import only what lies below them", () => {
  const isAllowed = (from: string, to: string) => ALLOWED[from]?.includes(to) === true;
  expect(findArrows(graph, ROOM, isAllowed)).toEqual([]);
});

test("no folder of the table is gone", () => {
  const found = new Set(
    findArrows(graph, ROOM, () => false).flatMap((arrow) =>
      arrow.replace(/ \(.*/, "").split(" → ")
    ),
  );
  expect([...found].toSorted()).toEqual(Object.keys(ALLOWED).toSorted());
});

test("the table itself has no circle", () => {
  expect(findCycle(new Map(Object.entries(ALLOWED)))).toBeNull();
});

test("no import of a file leads back to it", () => {
  expect(findCycle(graph)).toBeNull();
});

test(`no file that is not a test has more than ${MAX_LINES} lines`, () => {
  const long = files.filter(({ path }) => graph.has(path)).flatMap(({ path, text }) => {
    const lines = text.trimEnd().split("\n").length;
    return lines > MAX_LINES ? [`${path}: ${lines}`] : [];
  });
  expect(long).toEqual([]);
});

test("findArrows() and findCycle() find what there is", () => {
  const imports = {
    "room/a/one.ts": `import { b } from "../b/two.ts";`,
    "room/b/two.ts": `export type { C } from "#room/c/three.ts";`,
    "room/c/three.ts": `await import("../a/one.ts");`,
    "room/c/three.test.ts": `import "../b/two.ts";`,
  };
  const sample = readImportGraph(
    Object.entries(imports).map(([path, text]) => {
      const [, specifier = ""] = /"([^"]+)"/.exec(text) ?? [];
      return { path, text, imports: [specifier] };
    }),
    "room",
  );
  expect(findArrows(sample, "room", (from) => from === "a")).toEqual([
    "b → c (room/b/two.ts)",
    "c → a (room/c/three.ts)",
  ]);
  expect(findCycle(sample)).toEqual([
    ...["room/a/one.ts", "room/b/two.ts", "room/c/three.ts"],
    "room/a/one.ts",
  ]);
  expect(findCycle(new Map([["a", ["b", "c"]], ["b", ["c"]], ["c", []]]))).toBeNull();
});
