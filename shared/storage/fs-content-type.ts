/**
 * Content types of files: by the extension of the key, which is ours and never a user's, else from
 * a small file beside the object, whose leading dot no key can have.
 */
import { readFile, rename, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { isMissing } from "./fs-directory.ts";

const BY_EXTENSION: Readonly<Record<string, string>> = {
  ".avif": "image/avif",
  ".gif": "image/gif",
  ".jpg": "image/jpeg",
  ".json": "application/json",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".m4s": "video/iso.segment",
  ".mp4": "video/mp4",
  ".png": "image/png",
  ".vtt": "text/vtt",
  ".webp": "image/webp",
};
const FALLBACK = "application/octet-stream";

function typeByExtension(path: string): string {
  return BY_EXTENSION[extname(path)] ?? FALLBACK;
}

function typeFile(path: string): string {
  return join(dirname(path), `.${basename(path)}.type`);
}

/** The type `path` was stored with. */
export async function contentTypeOf(path: string): Promise<string> {
  try {
    return await readFile(typeFile(path), "utf8");
  } catch (error) {
    if (isMissing(error)) return typeByExtension(path);
    throw error;
  }
}

/** Makes `contentType` the type of `path`; what must be written goes through `temporary`. */
export async function placeContentType(
  path: string,
  contentType: string,
  temporary: string,
): Promise<void> {
  if (contentType === typeByExtension(path)) return await removeContentType(path);
  await writeFile(temporary, contentType, { mode: 0o640 });
  try {
    await rename(temporary, typeFile(path));
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
}

/** Forgets what was noted about `path`. */
export async function removeContentType(path: string): Promise<void> {
  try {
    await unlink(typeFile(path));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
