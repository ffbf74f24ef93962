/**
 * What the watch page may weigh. Bytes of the built files: the machine does not matter.
 */
import { beforeAll, expect, test } from "vitest";
import { buildPages } from "#cli/dev/pages.ts";
import { describeAssets, readBuiltPage } from "#test/helpers/built-page.ts";
import { assetPath, type Assets } from "./assets.ts";
import { type BuiltFile, loadedLater, loadedWith, weightOf } from "./page-weights.ts";

/** All of a page that waits, HTML included. */
const MAX_WAITING_BYTES = 40_000;
/** Everything but the engine, controls included, brotli. */
const MAX_SCRIPT_BYTES = 60_000;
const MAX_ENGINE_BYTES = 110_000;
/** What reads captions, where there are some. */
const MAX_CAPTIONS_BYTES = 8000;

let assets: Assets;

beforeAll(async () => {
  assets = await buildPages();
});

const nameOf = (stem: string) => assetPath(assets, stem, "js").split("/").at(-1) ?? "";
const partsOf = (files: readonly BuiltFile[]) =>
  files.map(({ name, bytes }) => `${bytes} ${name}`).join(", ");

/** What the page of a video with that status loads at once. */
async function pageOf(status: string) {
  const { html, names } = await readBuiltPage(assets, status);
  return { html, names, files: loadedWith(describeAssets(assets), names) };
}

test("a page that waits, or has ended, loads neither engine nor controls at once", async () => {
  for (const status of ["CREATED", "ENDED"]) {
    const { html, files } = await pageOf(status);
    expect(files.length).toBeGreaterThanOrEqual(2);
    expect(Buffer.byteLength(html) + weightOf(files), partsOf(files))
      .toBeLessThanOrEqual(MAX_WAITING_BYTES);
  }
});

test("everything but the engine is light, and the engine is not heavier than it must be", async () => {
  const { names, files } = await pageOf("CREATED");
  const controls = loadedLater(describeAssets(assets), names, nameOf("controls"));
  const scripts = [...files, ...controls].filter(({ name }) => name.endsWith(".js"));
  expect(weightOf(scripts), partsOf(scripts)).toBeLessThanOrEqual(MAX_SCRIPT_BYTES);
  const engine = loadedLater(describeAssets(assets), names, nameOf("hls-player"));
  expect(weightOf(engine), partsOf(engine)).toBeLessThanOrEqual(MAX_ENGINE_BYTES);
});

test("captions weigh little, and nothing before there are some", async () => {
  const { names } = await pageOf("RUNNING");
  const built = describeAssets(assets);
  const captions = nameOf("caption-tracks");
  const before = [...names, nameOf("hls-player"), nameOf("controls")];
  expect(loadedWith(built, before).map(({ name }) => name)).not.toContain(captions);
  const files = loadedLater(built, before, captions);
  expect(weightOf(files), partsOf(files)).toBeLessThanOrEqual(MAX_CAPTIONS_BYTES);
});

test("the page of a broadcast that runs asks for the engine at once", async () => {
  expect((await pageOf("RUNNING")).names).toContain(nameOf("hls-player"));
});
