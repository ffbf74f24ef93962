/**
 * Retention: removes recordings past their channel's limits or the budget of all, and says so.
 */
import type { Kysely } from "kysely";
import { clipPrefixes } from "#db/clips.ts";
import { findRemovals, finishRemoval, markRemovals, type Removal } from "#db/retention.ts";
import type { Database } from "#db/schema.ts";
import { messageOf } from "#shared/errors.ts";
import type { Service } from "#shared/lifecycle.ts";
import type { Logger } from "#shared/log.ts";
import { sleep, withJitter } from "#shared/retry.ts";
import type { Storage } from "#shared/storage/port.ts";

export type RetentionOptions = {
  readonly db: Kysely<Database>;
  readonly storage: Storage;
  readonly log: Logger;
  /** What all recordings may take together; null: no limit. */
  readonly totalBudgetBytes: number | null;
  readonly clock?: () => Date;
  /** Between two looks; one minute by default. */
  readonly intervalMs?: number;
};

/** Retention as a service; any number may run on one database. */
export function createRetention(options: RetentionOptions): Service {
  const { log, intervalMs = 60_000 } = options;
  let stopping = new AbortController();
  let loop: Promise<void> | undefined;
  const run = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      await removeExcess(options).catch((error: unknown) => {
        log.warn("retention.failed", { reason: messageOf(error) });
      });
      await sleep(withJitter(intervalMs), signal).catch(() => {}); // stopped
    }
  };
  return {
    name: "retention",
    start: () => {
      stopping = new AbortController();
      loop ??= run(stopping.signal);
      return Promise.resolve();
    },
    stop: async () => {
      stopping.abort();
      await loop;
      loop = undefined;
    },
  };
}

/** One look: marks what has to go, then deletes what is marked. Cut short, the next one goes on. */
export async function removeExcess(options: RetentionOptions): Promise<void> {
  const { db, log, totalBudgetBytes, clock = () => new Date() } = options;
  await markRemovals(db, { now: clock(), totalBudgetBytes });
  for (const removal of await findRemovals(db)) {
    try {
      await removeFiles(options, removal);
    } catch (error) {
      log.warn("recording.removal_failed", {
        videoId: removal.videoId,
        reason: messageOf(error),
      });
    }
  }
}

async function removeFiles(
  { db, storage, log }: RetentionOptions,
  { videoId, url, reason, bytes }: Removal,
): Promise<void> {
  const clips = await clipPrefixes(db, { videoId });
  // Playlists first, so that none names a segment that is gone.
  for (const prefix of clips) await storage.deletePrefix(prefix);
  await storage.delete(`videos/${url}/index.m3u8`);
  await storage.deletePrefix(`videos/${url}/`);
  await finishRemoval(db, videoId);
  log.info("recording.removed", { videoId, reason, bytes, clips: clips.length });
}
