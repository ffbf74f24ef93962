/**
 * What a media node remembers about its broadcasts over a crash: one small file each, from the first
 * media until the API knows the end.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { renditionNameSchema } from "#shared/contracts/broadcast.ts";
import {
  authoriseResponseSchema,
  endedRequestSchema,
  startedRequestSchema,
} from "#shared/contracts/control.ts";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";

const rungSchema = z.object({
  name: renditionNameSchema,
  width: z.int().positive().nullable(),
  height: z.int().positive().nullable(),
  videoBitrateBps: z.number().nonnegative(),
  isCopy: z.boolean(),
});

/** How its packager was started, for one that goes on with the same playlists. */
const packagerStartSchema = z.object({
  videoUrl: z.string(),
  epoch: z.int().positive(),
  rungs: z.array(rungSchema).min(1),
  wallClockAtZeroMs: z.number(),
  segmentTargetMs: z.number().positive(),
  partTargetMs: z.number().positive().nullable(),
  hasVideo: z.boolean(),
  hasAudio: z.boolean(),
});

const savedBroadcastSchema = z.object({
  /** Its epoch is that of the playlists' URLs, for as long as the broadcast lasts. */
  authorisation: authoriseResponseSchema,
  /** The epoch under which the API takes our word: it grows with every process. */
  controlEpoch: z.int().positive(),
  /** What the API was told, or would have been. */
  started: startedRequestSchema.omit({ nodeId: true, broadcastId: true, epoch: true }),
  packager: packagerStartSchema,
});
/** A broadcast as far as another process needs it to take it over. */
export type SavedBroadcast = z.infer<typeof savedBroadcastSchema>;

const entrySchema = z.object({
  version: z.literal(1),
  broadcastId: z.uuid(),
  epoch: z.int().positive(),
  videoUrl: z.string(),
  startedAt: z.iso.datetime(),
  /** What the API has not been told yet; null while the broadcast runs. */
  ended: endedRequestSchema.nullable(),
  /** Missing: nothing can be taken over. */
  broadcast: savedBroadcastSchema.optional(),
});
export type JournalEntry = z.infer<typeof entrySchema>;

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
      await writeFile(`${path}.new`, JSON.stringify(entry));
      await rename(`${path}.new`, path);
    });
  }

  remove(broadcastId: string): void {
    this.#enqueue(() => rm(this.#pathOf(broadcastId), { force: true }));
  }

  /** What the last run left behind; files that cannot be read are dropped. */
  async readAll(): Promise<JournalEntry[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const entries: JournalEntry[] = [];
    for (const name of names) {
      const entry = await this.#read(join(this.#folder, name));
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
      return entrySchema.parse(JSON.parse(await readFile(path, "utf8")));
    } catch (error) {
      this.#log.warn("journal.unreadable", { path, reason: messageOf(error) });
      await rm(path, { force: true });
      return null;
    }
  }

  #enqueue(task: () => Promise<void>): void {
    this.#tail = this.#tail.then(task).catch((error: unknown) => {
      this.#log.error("journal.failed", { reason: messageOf(error) });
    });
  }

  #pathOf(broadcastId: string): string {
    return join(this.#folder, `${broadcastId}.json`);
  }
}
