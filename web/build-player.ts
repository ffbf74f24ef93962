/**
 * Entry (Bun): writes the player as an npm package into `dist/player`, or into the folder that is named.
 * `bun web/build-player.ts [FOLDER]`
 */
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PLAYER = join(ROOT, "web/player");
const TARGET = resolve(process.argv[2] ?? join(ROOT, "dist/player"));
/** Each is a file of its own that the first loads when it is needed. */
const MODULES = [
  "element/sluice-player.ts",
  "element/controls.ts",
  "engine/hls-player.ts",
  "engine/real-time-player.ts",
  "captions/caption-tracks.ts",
];
const TEXTS = ["README.md", "sluice-player.d.ts", "react.d.ts"];
/** What is bundled; each asks for its licence to go along. */
const INSIDE = ["hls.js", "media-chrome", "mpegts.js", "@svta/cml-608"];

async function bundle(): Promise<void> {
  const result = await Bun.build({
    entrypoints: MODULES.map((path) => join(PLAYER, path)),
    outdir: TARGET,
    naming: { entry: "[name].js", chunk: "shared-[hash].js" },
    splitting: true,
    // Whoever bundles these modules gives them other addresses.
    modulePreload: false,
    target: "browser",
    minify: true,
  });
  if (!result.success) throw new AggregateError(result.logs, "the player could not be bundled");
}

type Manifest = { readonly version: string; readonly license: string };

async function readManifest(path: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(path, "package.json"), "utf8")) as Manifest;
}

async function writeManifest(): Promise<void> {
  const { version, license } = await readManifest(ROOT);
  const manifest = {
    name: "sluice-player",
    version,
    description: "<sluice-player>: plays live and recorded video of Sluice in any page.",
    license,
    type: "module",
    exports: {
      ".": { types: "./sluice-player.d.ts", default: "./sluice-player.js" },
      "./react": { types: "./react.d.ts" },
    },
    types: "./sluice-player.d.ts",
  };
  await writeFile(join(TARGET, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

async function writeLicences(): Promise<void> {
  const licences = await Promise.all(INSIDE.map(async (name) => {
    const folder = join(ROOT, "node_modules", name);
    const { version, license } = await readManifest(folder);
    const text = await readFile(join(folder, "LICENSE"), "utf8");
    return `${name} ${version} (${license})\n\n${text.trim()}\n`;
  }));
  await writeFile(join(TARGET, "THIRD-PARTY.txt"), licences.join(`\n${"-".repeat(72)}\n\n`));
}

await rm(TARGET, { recursive: true, force: true });
await mkdir(TARGET, { recursive: true });
await bundle();
await Promise.all(
  TEXTS.map((name) => copyFile(join(PLAYER, "package", name), join(TARGET, name))),
);
await writeManifest();
await writeLicences();
