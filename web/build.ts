/**
 * Entry (Bun): bundles what the pages load into `dist/web`, unless it is there already for the same
 * sources. `bun web/build.ts`
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ASSETS_DIRECTORY } from "./assets.ts";
import { compressFiles } from "./compress.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TARGET = join(ROOT, ASSETS_DIRECTORY);
const STAMP = join(TARGET, "sources.sha256");

function hashSources(): string {
  const hash = createHash("sha256").update(Bun.version);
  const sources = globSync("web/{client/*.*,player/**/*.*,words/**/*.*,build.ts,compress.ts}", {
    cwd: ROOT,
  });
  for (const path of ["bun.lock", ...sources.toSorted()]) {
    hash.update(path).update(readFileSync(join(ROOT, path)));
  }
  return hash.digest("hex");
}

type Bundle = { readonly sources: readonly string[]; readonly splitting: boolean };

const BUNDLES: readonly Bundle[] = [
  // Each of these is a file of its own that is loaded when it is needed.
  {
    sources: [
      "client/watch.ts",
      "client/site.css",
      "player/element/sluice-player.ts",
      "player/element/controls.ts",
      "player/engine/hls-player.ts",
      "player/captions/caption-tracks.ts",
      "player/engine/real-time-player.ts",
    ],
    splitting: true,
  },
  // On its own, because it is there to be early.
  { sources: ["client/prefetch.ts"], splitting: false },
];

async function bundle(outdir: string, { sources, splitting }: Bundle): Promise<void> {
  const result = await Bun.build({
    entrypoints: sources.map((source) => join(ROOT, "web", source)),
    outdir,
    naming: "[name]-[hash].[ext]",
    splitting,
    target: "browser",
    minify: true,
  });
  if (!result.success) throw new AggregateError(result.logs, "the pages could not be bundled");
}

const wanted = hashSources();
const isBuilt = () => existsSync(STAMP) && readFileSync(STAMP, "utf8") === wanted;
if (!isBuilt()) {
  // Built beside its place and moved there: a server that starts meanwhile sees all of it or none.
  const scratch = `${TARGET}.${process.pid}`;
  mkdirSync(scratch, { recursive: true });
  for (const each of BUNDLES) await bundle(scratch, each);
  await compressFiles(scratch);
  writeFileSync(join(scratch, "sources.sha256"), wanted);
  // Whoever was faster may be reading what is there.
  if (isBuilt()) rmSync(scratch, { recursive: true });
  else {
    rmSync(TARGET, { recursive: true, force: true });
    renameSync(scratch, TARGET);
  }
}
