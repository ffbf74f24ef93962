/**
 * What the watch page may weigh before it shows a player. Bytes of the built files: the machine does
 * not matter.
 */
import { beforeAll, expect, test } from "vitest";
import { buildPages } from "#cli/dev/pages.ts";
import { describeAssets, readBuiltPage } from "#test/helpers/built-page.ts";
import type { Assets } from "./assets.ts";
import { loadedWith, weightOf } from "./page-weights.ts";

let assets: Assets;

beforeAll(async () => {
  assets = await buildPages();
});

test.each([
  ["CREATED", 120_000],
  ["RUNNING", 120_000],
  ["ENDED", 120_000],
])("a video that is %s costs at most %d bytes of HTML and brotli at once", async (status, most) => {
  const { html, names } = await readBuiltPage(assets, status);
  expect(names.length).toBeGreaterThanOrEqual(2);
  const files = loadedWith(describeAssets(assets), names);
  const parts = files.map(({ name, bytes }) => `${bytes} ${name}`).join(", ");
  expect(Buffer.byteLength(html) + weightOf(files), parts).toBeLessThanOrEqual(most);
});
