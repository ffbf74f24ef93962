/**
 * What a media node remembers about its broadcasts over a crash: one small file each, from the first
 * media until the API knows the end. What a full disk does not take is written again until it does.
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
const RETRY_MS = 1000;

export class BroadcastJournal {
  readonly #folder: string;
  readonly #log: Logger;
  /** What the folder does not show yet, by broadcast: its newest entry; null: none. */
  readonly #missing = new Map<string, JournalEntry | null>();
  /** One write after the other: a removal must not be overtaken. */
  #tail: Promise<void> = Promise.resolve();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isFailing = false;

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Creates or replaces the broadcast's entry, soon. */
  write(entry: JournalEntry): void {
    this.#missing.set(entry.broadcastId, entry);
    this.#bringToDisk(entry.broadcastId);
  }

  remove(broadcastId: string): void {
    this.#missing.set(broadcastId, null);
    this.#bringToDisk(broadcastId);
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

  /** Resolves when everything asked for is on disk, or was tried and is going to be again. */
  get settled(): Promise<void> {
    return this.#tail;
  }

  /** Tries a last time what is not on disk. */
  async close(): Promise<void> {
    this.#tryAgain();
    await this.#tail;
    clearTimeout(this.#retry);
  }

  async #read(path: string): Promise<JournalEntry | null> {
    try {
      return readEntry(await readFile(path, "utf8"));
    } catch (error) {
      this.#log.warn("journal.unreadable", { path, reason: messageOf(error) });
      return null;
    }
  }

  #bringToDisk(broadcastId: string): void {
    this.#tail = this.#tail.then(() => this.#settle(broadcastId));
  }

  async #settle(broadcastId: string): Promise<void> {
    const entry = this.#missing.get(broadcastId);
    if (entry === undefined) return;
    try {
      if (entry === null) await rm(this.#pathOf(broadcastId), { force: true });
      else await this.#store(entry);
    } catch (error) {
      return this.#noteFailure(error);
    }
    // One that was asked for meanwhile has its own turn.
    if (this.#missing.get(broadcastId) === entry) this.#missing.delete(broadcastId);
    if (this.#isFailing && this.#missing.size === 0) this.#log.info("journal.recovered");
    this.#isFailing &&= this.#missing.size > 0;
  }

  async #store(entry: JournalEntry): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const path = this.#pathOf(entry.broadcastId);
    await writeFile(`${path}${UNFINISHED}`, JSON.stringify(entry));
    await rename(`${path}${UNFINISHED}`, path);
  }

  #noteFailure(error: unknown): void {
    if (!this.#isFailing) this.#log.error("journal.failed", { reason: messageOf(error) });
    this.#isFailing = true;
    this.#retry ??= setTimeout(() => this.#tryAgain(), RETRY_MS);
  }

  #tryAgain(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (const broadcastId of this.#missing.keys()) this.#bringToDisk(broadcastId);
  }

  #pathOf(broadcastId: string): string {
    return join(this.#folder, `${broadcastId}${ENTRY}`);
  }
}
