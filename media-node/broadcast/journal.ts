/**
 * What a media node remembers about its broadcasts over a crash: one small file each, from the first
 * media until the API knows the end.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import type { JournalEntry } from "./journal-entry.ts";
import { readEntry } from "./read-entry.ts";

const ENTRY = ".json";
/** Behind the name of a file that is being written. */
const UNFINISHED = ".new";

export class BroadcastJournal {
  readonly #folder: string;
  readonly #log: Logger;
  /** One write after the other: a removal must not be overtaken. */
  #tail: Promise<void> = Promise.resolve();

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Creates or replaces the broadcast's entry, soon. */
  write(entry: JournalEntry): void {
    this.#enqueue(async () => {
      await mkdir(this.#folder, { recursive: true });
      const path = this.#pathOf(entry.broadcastId);
      await writeFile(`${path}${UNFINISHED}`, JSON.stringify(entry));
      await rename(`${path}${UNFINISHED}`, path);
    });
  }

  remove(broadcastId: string): void {
    this.#enqueue(() => rm(this.#pathOf(broadcastId), { force: true }));
  }

  /** What the last run left behind. Files that cannot be read stay, for a version that can. */
  async readAll(): Promise<JournalEntry[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const entries: JournalEntry[] = [];
    for (const name of names) {
      const path = join(this.#folder, name);
      if (name.endsWith(UNFINISHED)) await rm(path, { force: true });
      if (!name.endsWith(ENTRY)) continue;
      const entry = await this.#read(path);
      if (entry !== null) entries.push(entry);
    }
    return entries;
  }

  /** Resolves when everything asked for is on disk. */
  get settled(): Promise<void> {
    return this.#tail;
  }

  async #read(path: string): Promise<JournalEntry | null> {
    try {
      return readEntry(await readFile(path, "utf8"));
    } catch (error) {
      this.#log.warn("journal.unreadable", { path, reason: messageOf(error) });
      return null;
    }
  }

  #enqueue(task: () => Promise<void>): void {
    this.#tail = this.#tail.then(task).catch((error: unknown) => {
      this.#log.error("journal.failed", { reason: messageOf(error) });
    });
  }

  #pathOf(broadcastId: string): string {
    return join(this.#folder, `${broadcastId}${ENTRY}`);
  }
}
