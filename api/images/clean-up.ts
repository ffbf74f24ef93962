/**
 * Deletes from storage what a report made useless. It may be cut short at any point: originals are
 * swept later, and a repeated report repeats it.
 */
import type { Leftovers } from "#db/image-reports.ts";
import { imagePrefix } from "#db/images.ts";
import type { Storage } from "#shared/storage/port.ts";

/** Deletes the objects and the obsolete versions named by `leftovers`. */
export async function cleanUp(storage: Storage, { keys, variants }: Leftovers): Promise<void> {
  for (const key of keys) await storage.delete(key);
  if (variants === null) return;
  const prefix = imagePrefix(variants.purpose, variants.imageId);
  const obsolete: string[] = [];
  for await (const { key } of storage.list(prefix)) {
    if (variants.isObsolete(Number(key.slice(prefix.length).split("/")[0]))) obsolete.push(key);
  }
  for (const key of obsolete) await storage.delete(key);
}
