/**
 * Small private files in the data directory: made once with mode 0600, kept for the next start.
 */
import { mkdir, open, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { randomName } from "#shared/ids.ts";

/** The secret of this data directory; made at the first start. 32 letters and digits, 165 bits. */
export async function readOrMakeSecret(dataDirectory: string): Promise<string> {
  return await readOrMake(join(dataDirectory, "secret"), () => randomName(32));
}

/** The content of the file at `path`; when there is none, what `make` gives is written and returned. */
export async function readOrMake(path: string, make: () => string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  try {
    // wx: of two starts at once, one makes the file and the other reads it.
    const file = await open(path, "wx", 0o600);
    try {
      const text = make();
      await file.writeFile(`${text}\n`);
      return text;
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return (await readFile(path, "utf8")).trim();
  }
}
