/**
 * `compressFiles()`: what the pages load, compressed once, when it is built.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

/** Content codings, smallest first, and how their files end. */
export const CODINGS = [
  { coding: "br", suffix: ".br" },
  { coding: "gzip", suffix: ".gz" },
] as const;

const COMPRESSIBLE = /\.(?:js|css|svg)$/;

const COMPRESS = {
  br: (bytes: Uint8Array) =>
    promisify(brotliCompress)(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
      },
    }),
  gzip: (bytes: Uint8Array) => promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }),
};

/** Writes `<name>.br` and `<name>.gz` beside each script, style sheet and picture that they shorten. */
export async function compressFiles(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => COMPRESSIBLE.test(name));
  await Promise.all(names.map((name) => compressFile(join(directory, name))));
}

async function compressFile(path: string): Promise<void> {
  const bytes = await readFile(path);
  await Promise.all(CODINGS.map(async ({ coding, suffix }) => {
    const compressed = await COMPRESS[coding](bytes);
    if (compressed.byteLength < bytes.byteLength) await writeFile(`${path}${suffix}`, compressed);
  }));
}
