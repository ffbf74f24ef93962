/**
 * What the pages weigh, file by file, as a browser that takes brotli gets them.
 *
 *   bun bench/pages/main.ts
 *
 * Builds the bundles, renders the watch page for each status of a video, and follows the imports of
 * what it names: what it loads at once, and what each late import adds. Bytes are exact: the machine
 * does not matter.
 */
import { brotliCompressSync } from "node:zlib";
import { buildPages } from "#cli/dev/pages.ts";
import { type BuiltPage, describeAssets, readBuiltPage } from "#test/helpers/built-page.ts";
import { type BuiltFiles, loadedLater, loadedWith, weightOf } from "#web/page-weights.ts";

const kb = (bytes: number) => `${(bytes / 1000).toFixed(1).padStart(7)} kB`;

function printPage(files: BuiltFiles, status: string, { html, names }: BuiltPage): void {
  const atOnce = loadedWith(files, names);
  const htmlBytes = Buffer.byteLength(html);
  console.log(`\n${status}: ${kb(htmlBytes + weightOf(atOnce)).trim()} at once`);
  console.log(
    `${kb(htmlBytes)}  HTML, ${kb(brotliCompressSync(html).byteLength).trim()} as brotli`,
  );
  for (const file of atOnce) console.log(`${kb(file.bytes)}  ${file.name}`);
  for (const late of new Set(atOnce.flatMap(({ lateImports }) => lateImports))) {
    const added = loadedLater(files, names, late);
    console.log(`${kb(weightOf(added))}  later: ${added.map(({ name }) => name).join(", ")}`);
  }
}

const assets = await buildPages();
const files = describeAssets(assets);
for (const status of ["CREATED", "RUNNING", "ENDED"]) {
  printPage(files, status, await readBuiltPage(assets, status));
}
