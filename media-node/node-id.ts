/**
 * Who a media node is, for as long as its data directory lives.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newId } from "#shared/ids.ts";

const NODE_ID = /^[\w.-]{1,100}$/;

/** The id kept in `dataDir`; made at the first start. */
export async function loadNodeId(dataDir: string): Promise<string> {
  const path = join(dataDir, "node-id");
  const kept = (await readFile(path, "utf8").catch(() => "")).trim();
  if (NODE_ID.test(kept)) return kept;
  const id = `node-${newId()}`;
  await mkdir(dataDir, { recursive: true });
  await writeFile(path, `${id}\n`);
  return id;
}
