/**
 * What the bundles weigh on the wire: which files a page loads with its first script, and which only
 * when its code asks for them. Pure.
 */

export type BuiltFile = {
  readonly name: string;
  /** As the browser gets it, compressed. */
  readonly bytes: number;
  /** The names of the files beside it that are loaded with it. */
  readonly imports: readonly string[];
  /** …and of those that its code loads later, if at all. */
  readonly lateImports: readonly string[];
};

export type BuiltFiles = ReadonlyMap<string, BuiltFile>;

const IMPORT = /(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g;
const LATE_IMPORT = /\bimport\(\s*"\.\/([^"]+)"\s*\)/g;

/** A file as it was built. */
export function describeFile(name: string, text: string, bytes: number): BuiltFile {
  const found = (pattern: RegExp) =>
    Array.from(new Set(Array.from(text.matchAll(pattern), ([, to = ""]) => to)));
  return { name, bytes, imports: found(IMPORT), lateImports: found(LATE_IMPORT) };
}

/** `names` and everything that comes with them, in the order in which it is found. */
export function loadedWith(files: BuiltFiles, names: readonly string[]): readonly BuiltFile[] {
  const found = new Set<string>();
  const follow = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    for (const next of fileOf(files, name).imports) follow(next);
  };
  for (const name of names) follow(name);
  return Array.from(found, (name) => fileOf(files, name));
}

/** What `late` brings to a page that has `names` already. */
export function loadedLater(
  files: BuiltFiles,
  names: readonly string[],
  late: string,
): readonly BuiltFile[] {
  const before = new Set(loadedWith(files, names));
  return loadedWith(files, [late]).filter((file) => !before.has(file));
}

export function weightOf(files: readonly BuiltFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function fileOf(files: BuiltFiles, name: string): BuiltFile {
  const file = files.get(name);
  if (file === undefined) throw new Error(`${name} was not built`);
  return file;
}
