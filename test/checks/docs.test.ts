/**
 * What the docs name is there.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";
import { SETTINGS } from "#shared/config.ts";
import { describeIssue, issueCodeSchema } from "#shared/contracts/issues.ts";
import { ROOMS } from "./source-files.ts";

const DOCS = ["README.md", ...globSync("docs/*.md")].map((path) => {
  return { path, text: readFileSync(path, "utf8") };
});
const ROOTS = [...ROOMS, "docs"];
const FOLDERS = globSync("media-node/*/").map((path) => basename(path));
const FILES = new Set(
  globSync(ROOTS.map((root) => `${root}/**/*.{ts,tsx}`)).map((path) => basename(path)),
);

const FENCE = /^```.*?^```$/gms;
const FILE = /^[\w-]+(?:\/[\w.-]+)*\.(?:tsx?|mjs|json|ya?ml|md)$/;
const FOLDER = /^[\w-]+(?:\/[\w-]+)*\/?$/;

/** Words of `text` that look like paths: those in backticks, and in blocks of code those with a suffix. */
function readPaths(text: string): string[] {
  const quoted = Array.from(
    text.replace(FENCE, "").matchAll(/`([^`\n]+)`/g),
    ([, word = ""]) => word,
  );
  const drawn = Array.from(text.matchAll(FENCE), ([block]) => block.split(/\s+/)).flat();
  return [
    ...quoted.filter((word) => FILE.test(word) || isFolder(word)),
    ...drawn.filter((word) => /\/.*\.ts$/.test(word) && FILE.test(word)),
  ];
}

function isFolder(word: string): boolean {
  const [first = "", second] = word.split("/");
  return second !== undefined && FOLDER.test(word) && [...ROOTS, ...FOLDERS].includes(first);
}

/** In the repository, or in the media node; a name alone is that of any file. */
function isThere(path: string): boolean {
  return existsSync(path) || existsSync(`media-node/${path}`) || FILES.has(path);
}

test("readPaths() finds what looks like a path", () => {
  const text = "`api/app.ts`, `ingest/rtmp`, `db/`, `media.ts`, `GET /user/x`, `videos/<url>/`\n" +
    "```\n► hls/playlist.ts seg-1.ts\n```\n";
  expect(readPaths(text)).toEqual([
    "api/app.ts",
    "ingest/rtmp",
    "db/",
    "media.ts",
    "hls/playlist.ts",
  ]);
});

test("every path that the docs name exists", () => {
  const missing = DOCS.flatMap(({ path, text }) =>
    readPaths(text).filter((named) => !isThere(named)).map((named) => `${path}: ${named}`)
  );
  expect(missing).toEqual([]);
});

test("the README says what every setting means", () => {
  const [, settings = ""] = DOCS[0]?.text.split(/^## Settings$/m) ?? [];
  const named = new Set(settings.split(/^## /m)[0]?.match(/`[A-Z][A-Z_]+`/g));
  expect(Object.keys(SETTINGS).filter((name) => !named.has(`\`${name}\``))).toEqual([]);
});

test("docs/issues.md has a row for every issue, in the order of the list", () => {
  const { text = "" } = DOCS.find(({ path }) => path === "docs/issues.md") ?? {};
  const rows = Array.from(
    text.matchAll(/^\| `(\w+)` +\| (\w+) +\| \S.* \| \S.* \|$/gm),
    ([, code, severity]) => ({ code, severity }),
  );
  // Words are made of any figures; here only the severity counts.
  const figures = { measured: 1, wanted: 1, hadIt: true, codec: null, track: "audio", reason: "" };
  const issues = issueCodeSchema.options.map((code) =>
    describeIssue({ ...figures, code }, new Date(0).toISOString())
  );
  expect(rows).toEqual(issues.map(({ code, severity }) => ({ code, severity })));
});
