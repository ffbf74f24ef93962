/**
 * The reaper: ends what nobody will report the end of, and throws away what nobody will ask for.
 */
import type { Kysely } from "kysely";
import { failStaleImages, findSourceKeys } from "#db/image-reports.ts";
import { ORIGINALS } from "#shared/contracts/jobs.ts";
import type { Database } from "#db/schema.ts";
import { deleteSpentSessions, endLostBroadcasts } from "#db/sweeps.ts";
import { messageOf } from "#shared/errors.ts";
import type { Service } from "#shared/lifecycle.ts";
import type { Logger } from "#shared/log.ts";
import { sleep, withJitter } from "#shared/retry.ts";
import type { Storage } from "#shared/storage/port.ts";

export type ReaperOptions = {
  readonly db: Kysely<Database>;
  readonly storage: Storage;
  readonly log: Logger;
  readonly clock?: () => Date;
  /** Between two looks for lost broadcasts; 5 s by default. */
  readonly intervalMs?: number;
  /** Between two clean-ups of images and sessions; 10 minutes by default. */
  readonly cleanUpIntervalMs?: number;
};

/** An upload that was not resized in a day never will be. */
const STALE_IMAGE_MS = 24 * 3_600_000;
/** An original without a row: replaced by a newer upload, or its process died before the commit. */
const ORPHAN_MS = 900_000;
const BATCH = 200;
/** A longer pause between two looks was ours (a laptop's lid, a stopped process), not the nodes'. */
const ABSENCE_MS = 20_000;

/** A reaper; any number may run on one database. */
export function createReaper(options: ReaperOptions): Service {
  return new Reaper(options);
}

class Reaper implements Service {
  readonly name = "reaper";
  readonly #options: Required<ReaperOptions>;
  #stopping = new AbortController();
  #loop: Promise<void> | undefined;
  /** Silence of nodes counts from here: nobody could report to an API that was away. */
  #presentSince = new Date(0);
  #lookedAt = new Date(0);
  #cleanedAt = new Date(0);

  constructor(options: ReaperOptions) {
    this.#options = {
      clock: () => new Date(),
      intervalMs: 5000,
      cleanUpIntervalMs: 600_000,
      ...options,
    };
  }

  start(): Promise<void> {
    this.#stopping = new AbortController();
    this.#presentSince = this.#options.clock();
    this.#lookedAt = this.#presentSince;
    this.#loop ??= this.#run(this.#stopping.signal);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    this.#loop = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { log, intervalMs } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#look();
        await this.#cleanUp();
      } catch (error) {
        log.warn("reaper.failed", { reason: messageOf(error) });
      }
      await sleep(withJitter(intervalMs), signal).catch(() => {}); // stopped
    }
  }

  async #look(): Promise<void> {
    const { db, log, clock } = this.#options;
    const now = clock();
    if (now.getTime() - this.#lookedAt.getTime() > ABSENCE_MS) this.#presentSince = now;
    const swept = await endLostBroadcasts(db, { now, presentSince: this.#presentSince });
    this.#lookedAt = now;
    for (const { broadcastId, reason } of swept) {
      log.warn("broadcast.ended", { broadcastId, reason });
    }
  }

  async #cleanUp(): Promise<void> {
    const { db, storage, log, clock, cleanUpIntervalMs } = this.#options;
    const now = clock();
    if (now.getTime() - this.#cleanedAt.getTime() < cleanUpIntervalMs) return;
    this.#cleanedAt = now;
    const stale = await failStaleImages(db, new Date(now.getTime() - STALE_IMAGE_MS));
    for (const key of stale) await storage.delete(key);
    const orphans = await this.#deleteOrphans(new Date(now.getTime() - ORPHAN_MS));
    const sessions = await deleteSpentSessions(db, now);
    if (stale.length + orphans + sessions === 0) return;
    log.info("reaper.cleaned", { images: stale.length, orphans, sessions });
  }

  /** Originals that no row speaks of, left by a process that died between storage and database. */
  async #deleteOrphans(before: Date): Promise<number> {
    const { storage } = this.#options;
    let deleted = 0;
    let batch: string[] = [];
    const flush = async () => {
      deleted += await this.#deleteUnknown(batch, before);
      batch = [];
    };
    for await (const { key } of storage.list(ORIGINALS)) {
      batch.push(key);
      if (batch.length === BATCH) await flush();
    }
    await flush();
    return deleted;
  }

  async #deleteUnknown(keys: readonly string[], before: Date): Promise<number> {
    const { db, storage } = this.#options;
    // The age first: a young one may get its row after the look at the rows.
    const old: string[] = [];
    for (const key of keys) {
      const facts = await storage.head(key);
      if (facts !== null && facts.modifiedAt < before) old.push(key);
    }
    const known = await findSourceKeys(db, old);
    const orphans = old.filter((key) => !known.has(key));
    for (const key of orphans) await storage.delete(key);
    return orphans.length;
  }
}
