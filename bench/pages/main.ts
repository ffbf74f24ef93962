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
import type { Assets } from "#web/assets.ts";
import {
  type BuiltFile,
  type BuiltFiles,
  describeFile,
  loadedLater,
  loadedWith,
  weightOf,
} from "#web/page-weights.ts";
import { createSite } from "#web/site.tsx";

const VIDEO = {
  url: "abc123def456",
  title: "First show",
  description: null,
  thumbnail:
    "http://localhost:8000/videos/thumbnails/01a22d9d-ae95-777d-b706-a10662e3f84a-1-1280.jpg",
  playbackUrl: "http://localhost:8080/hls-live/abc123def456.m3u8",
  recording: null,
  startedAt: null,
  endedAt: null,
  durationMs: null,
  createdAt: "2026-01-02T03:04:05.000Z",
};

const kb = (bytes: number) => `${(bytes / 1024).toFixed(1).padStart(7)} KB`;

/** The HTML for a video of that status, and the assets it names. */
async function readPage(assets: Assets, status: string) {
  const site = createSite({
    api: () => Response.json({ ...VIDEO, status }),
    publicUrl: "http://localhost:8000",
    hlsUrl: "http://localhost:8080",
    assets,
  });
  const response = await site(new Request(`http://localhost:8000/watch/${VIDEO.url}`));
  const html = await response.text();
  const named = html.matchAll(/(?:src|href)="\/assets\/([^"]+)"/g);
  return { html, names: Array.from(named, ([, name = ""]) => name) };
}

async function printPage(assets: Assets, files: BuiltFiles, status: string): Promise<void> {
  const { html, names } = await readPage(assets, status);
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
const files = new Map(
  Array.from(assets, ([name, { body, compressed }]): [string, BuiltFile] => [
    name,
    describeFile(name, new TextDecoder().decode(body), (compressed?.br ?? body).byteLength),
  ]),
);
for (const status of ["CREATED", "RUNNING", "ENDED"]) await printPage(assets, files, status);
