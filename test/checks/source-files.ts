/**
 * Our source files with their imports, for the checks of the project's rules.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const ROOMS = [
  "api",
  "cli",
  "db",
  "media-node",
  "resizer",
  "shared",
  "web",
  "test",
  "bench",
];

export type SourceFile = {
  readonly path: string;
  readonly text: string;
  /** Module specifiers of static and dynamic imports and re-exports. */
  readonly imports: readonly string[];
};

const IMPORT = /(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)"([^"]+)"/g;

/** Every .ts and .tsx file of the rooms, in path order; files that vanish meanwhile are left out. */
export function readSourceFiles(): readonly SourceFile[] {
  return globSync(ROOMS.map((room) => `${room}/**/*.{ts,tsx}`))
    .filter((path) => !path.startsWith("bench/peers/") && !path.includes("node_modules"))
    .toSorted()
    .map((path) => {
      const text = readFileSync(path, "utf8");
      return { path, text, imports: readImports(text) };
    });
}

/** The specifiers `text` imports from. */
export function readImports(text: string): readonly string[] {
  return Array.from(text.matchAll(IMPORT), ([, specifier]) => specifier ?? "");
}

/** Where a relative `specifier` in the file at `path` points, from the project's root. */
export function resolveRelative(path: string, specifier: string): string {
  return join(dirname(path), specifier);
}
