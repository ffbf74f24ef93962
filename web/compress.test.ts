import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readAssets } from "./assets.ts";
import { compressFiles } from "./compress.ts";

const LONG = "body{margin:0}".repeat(50);
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-assets-"));
  await writeFile(join(directory, "site-1a2b.css"), LONG);
  await writeFile(join(directory, "tiny-3c4d.js"), "1");
  await writeFile(join(directory, "sources.sha256"), LONG);
  await compressFiles(directory);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

test("compressFiles() writes both forms of what the pages load, where they are shorter", async () => {
  expect((await readdir(directory)).toSorted()).toEqual([
    "site-1a2b.css",
    "site-1a2b.css.br",
    "site-1a2b.css.gz",
    "sources.sha256",
    "tiny-3c4d.js",
  ]);
});

test("readAssets() has them under the name of what they are forms of", async () => {
  const assets = await readAssets(directory);
  expect([...assets.keys()].toSorted()).toEqual(["site-1a2b.css", "tiny-3c4d.js"]);
  const { br, gzip } = assets.get("site-1a2b.css")?.compressed ?? {};
  expect(brotliDecompressSync(br ?? "").toString()).toBe(LONG);
  expect(gunzipSync(gzip ?? "").toString()).toBe(LONG);
  expect(assets.get("tiny-3c4d.js")?.compressed).toEqual({});
});
