/**
 * The assets of `/docs` from the installed package, read when they are asked for.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Asset } from "../deps.ts";

const require = createRequire(import.meta.url);
const ASSETS: Readonly<Record<string, { specifier: string; contentType: string }>> = {
  "swagger-ui.css": {
    specifier: "swagger-ui-dist/swagger-ui.css",
    contentType: "text/css; charset=utf-8",
  },
  "swagger-ui-bundle.js": {
    specifier: "swagger-ui-dist/swagger-ui-bundle.js",
    contentType: "text/javascript; charset=utf-8",
  },
  "favicon-32x32.png": {
    specifier: "swagger-ui-dist/favicon-32x32.png",
    contentType: "image/png",
  },
};

/** The asset called `name`; null when there is none. */
export async function readDocsAsset(name: string): Promise<Asset | null> {
  const asset = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined;
  if (asset === undefined) return null;
  const file = await readFile(require.resolve(asset.specifier));
  return { contentType: asset.contentType, body: new Uint8Array(file) };
}
