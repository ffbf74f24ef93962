/**
 * Project rules that no linter knows. Who may import what is a rule of `.oxlintrc.json`.
 */
import { expect, test } from "vitest";
import { readImports, readSourceFiles, resolveRelative, ROOMS } from "./source-files.ts";

const files = readSourceFiles();

const offences = (find: (file: (typeof files)[number]) => readonly string[]) =>
  files.flatMap((file) => find(file).map((what) => `${file.path}: ${what}`));

test("readImports() sees static, dynamic, type and re-exporting imports", () => {
  const text = `import a from "a";\nimport "b";\nexport { c } from "c";\nawait import("d");`;
  expect(readImports(text)).toEqual(["a", "b", "c", "d"]);
});

test("a relative import never leaves its top-level folder", () => {
  const found = offences(({ path, imports }) =>
    imports.filter((specifier) =>
      specifier.startsWith(".") &&
      resolveRelative(path, specifier).split("/")[0] !== path.split("/")[0]
    )
  );
  expect(found).toEqual([]);
});

test("imports of our own files name the file with its extension", () => {
  const found = offences(({ imports }) =>
    imports.filter((specifier) => /^[.#]/.test(specifier) && !/\.(tsx?|json|css)$/.test(specifier))
  );
  expect(found).toEqual([]);
});

test("an import from another room is spelled #room/…", () => {
  const found = offences(({ imports }) =>
    imports.filter((specifier) => ROOMS.includes(specifier.split("/")[0] ?? ""))
  );
  expect(found).toEqual([]);
});

test("there are no barrels", () => {
  const found = offences(({ path, text }) => {
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "").trim();
    const statements = code.split(";").map((part) => part.trim()).filter((part) => part !== "");
    const isBarrel = statements.length > 0 &&
      statements.every((statement) => /^export\b[\s\S]*\bfrom\s+"/.test(statement));
    return isBarrel || /(^|\/)index\.tsx?$/.test(path) ? ["only re-exports"] : [];
  });
  expect(found).toEqual([]);
});

test("file names are kebab-case", () => {
  const name = /(^|\/)[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.tsx?$/;
  expect(offences(({ path }) => (name.test(path) ? [] : ["expected kebab-case"]))).toEqual([]);
});

test("nothing is skipped, focused or left for later", () => {
  const marks = /\b(?:test|it|describe)\.(?:only|todo|fails)\b|\b(?:TODO|FIXME|XXX)\b/g;
  const found = offences(({ path, text }) =>
    path === "test/checks/rules.test.ts" ? [] : (text.match(marks) ?? [])
  );
  expect(found).toEqual([]);
});

test("tests do not replace modules", () => {
  const found = offences(({ path, text }) =>
    path === "test/checks/rules.test.ts" ? [] : (text.match(/\bvi\.(?:mock|doMock)\(/g) ?? [])
  );
  expect(found).toEqual([]);
});
