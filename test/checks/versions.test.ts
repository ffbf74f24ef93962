/**
 * Versions are exact and written once; where a second place needs one, it must agree.
 */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

type Manifest = {
  readonly engines: { readonly bun: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly trustedDependencies: readonly string[];
};

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;

test("every dependency has an exact version", () => {
  const all = Object.entries({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.devDependencies,
  });
  const inexact = all.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
  expect(inexact).toEqual([]);
});

test("no package runs a script of its own when it is installed", () => {
  // Without the list Bun trusts one of its own making, and a package of that list calls home.
  expect(manifest.trustedDependencies).toEqual([]);
});

test("the lock file is there", () => {
  expect(existsSync("bun.lock")).toBe(true);
});

test("the types of Bun are those of the pinned Bun", () => {
  expect(manifest.devDependencies["@types/bun"]).toBe(manifest.engines.bun);
});

test("the images of the Dockerfile are the pinned Bun and Deno", () => {
  const dockerfile = readFileSync("Dockerfile", "utf8");
  const versions = (image: string) =>
    Array.from(
      dockerfile.matchAll(new RegExp(`FROM ${image}:([\\d.]+)`, "g")),
      (match) => match[1],
    );
  expect(new Set(versions("oven/bun"))).toEqual(new Set([manifest.engines.bun]));
  expect(new Set(versions("denoland/deno"))).toEqual(new Set([manifest.devDependencies["deno"]]));
});
