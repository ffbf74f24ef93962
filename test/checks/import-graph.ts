/**
 * Who imports whom inside a room, by file and by folder.
 */
import { dirname, relative } from "node:path";
import { resolveRelative, type SourceFile } from "./source-files.ts";

/** The files of a room that each of its files imports, by path from the project's root. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** The graph of `room`'s files that are not tests. */
export function readImportGraph(files: readonly SourceFile[], room: string): ImportGraph {
  const own = files.filter(({ path }) =>
    path.startsWith(`${room}/`) && !/\.(?:test|d)\.tsx?$/.test(path)
  );
  return new Map(own.map(({ path, imports }) => [
    path,
    imports.flatMap((specifier) => {
      if (specifier.startsWith(".")) return [resolveRelative(path, specifier)];
      return specifier.startsWith(`#${room}/`) ? [specifier.slice(1)] : [];
    }),
  ]));
}

/** Arrows from a folder of `room` to another, each with a file that has it: `from → to (file)`. */
export function findArrows(
  graph: ImportGraph,
  room: string,
  isAllowed: (from: string, to: string) => boolean,
): string[] {
  const folderOf = (path: string) => relative(room, dirname(path));
  return [...graph].flatMap(([path, imports]) => {
    const from = folderOf(path);
    return imports.map(folderOf).filter((to) => to !== from && !isAllowed(from, to)).map((to) =>
      `${from} → ${to} (${path})`
    );
  });
}

/** A circle of imports, in the order in which they are followed; null: there is none. */
export function findCycle(graph: ImportGraph): readonly string[] | null {
  const done = new Set<string>();
  const follow = (path: string, trail: readonly string[]): readonly string[] | null => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return null;
    for (const next of graph.get(path) ?? []) {
      const cycle = follow(next, [...trail, path]);
      if (cycle !== null) return cycle;
    }
    done.add(path);
    return null;
  };
  for (const path of graph.keys()) {
    const cycle = follow(path, []);
    if (cycle !== null) return cycle;
  }
  return null;
}
