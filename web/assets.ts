/**
 * The bundles of the pages as files in memory, named by their content.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CODINGS } from "./compress.ts";

export type Asset = {
  readonly contentType: string;
  readonly body: Bytes;
  /** `body` by content coding, as far as it was shortened by it. */
  readonly compressed?: { readonly br?: Bytes; readonly gzip?: Bytes };
};

type Bytes = Uint8Array<ArrayBuffer>;

/** Assets by file name, as `web/build.ts` wrote them: `watch-1a2b3c4d.js`. */
export type Assets = ReadonlyMap<string, Asset>;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Where `web/build.ts` puts its output, from the project's root. */
export const ASSETS_DIRECTORY = "dist/web";

/** Every asset in `directory`. @throws when it has not been built */
export async function readAssets(directory: string): Promise<Assets> {
  const names = await readdir(directory);
  const read = async (name: string): Promise<Bytes> =>
    new Uint8Array(await readFile(join(directory, name)));
  const assets = new Map<string, Asset>();
  for (const name of names) {
    const contentType = CONTENT_TYPES[name.split(".").at(-1) ?? ""];
    if (contentType === undefined) continue;
    const forms = CODINGS.filter(({ suffix }) => names.includes(`${name}${suffix}`));
    const compressed = Object.fromEntries(
      await Promise.all(
        forms.map(async ({ coding, suffix }) => [coding, await read(`${name}${suffix}`)] as const),
      ),
    );
    assets.set(name, { contentType, body: await read(name), compressed });
  }
  return assets;
}

/** The path under which the page loads the asset called `stem`, whatever its hash. */
export function assetPath(assets: Assets, stem: string, extension: string): string {
  const isIt = new RegExp(`^${stem}-[0-9a-z]+\\.${extension}$`);
  const name = Array.from(assets.keys()).find((candidate) => isIt.test(candidate));
  if (name === undefined) throw new Error(`no asset ${stem}-….${extension}: run web/build.ts`);
  return `/assets/${name}`;
}
