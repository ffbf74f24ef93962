/**
 * What storage and the spool have of a rendition, as the state its live playlist goes on from. Pure.
 */
import type { RecordedRendition, StoredSegment } from "../recorder/journal.ts";
import { FIRST_MSN } from "../hls/msn.ts";
import { FIRST_START, type WindowStart } from "./live-window.ts";
import type { Spooled, SpooledSegment } from "./read-spool.ts";
import type { RestoredRendition } from "./restored-rendition.ts";

export type Remains = {
  /** Null: not recorded. */
  readonly recorded: RecordedRendition | null;
  readonly spooled: Spooled;
  /** For segments that do not tell their own. */
  readonly wallClockAtZeroMs: number;
};

/**
 * The newest run of segments without a hole. Nothing that had left the playlist comes back, and no
 * number is used twice.
 */
export function restoreRendition(remains: Remains): RestoredRendition {
  const { spooled, recorded, wallClockAtZeroMs } = remains;
  const stored = new Map((recorded?.segments ?? []).map((segment) => [segment.msn, segment]));
  const kept = newestRun(spooled.segments);
  const lastMsn = Math.max(FIRST_MSN - 1, kept.at(-1)?.msn ?? -1, ...stored.keys());
  // Storage is ahead of the spool only when the spool could not be written: then its bytes are old.
  const isSpoolNewest = kept.at(-1)?.msn === lastMsn;
  const listedKept = isSpoolNewest ? kept : [];
  const startBefore = spooled.segments.at(-1)?.windowStart ?? FIRST_START;
  const past: StoredSegment[] = [];
  for (
    let msn = (listedKept[0]?.msn ?? lastMsn + 1) - 1;
    msn >= startBefore.msn;
    msn -= 1
  ) {
    const segment = stored.get(msn);
    if (segment === undefined) break;
    past.unshift(segment);
  }
  const firstMsn = past[0]?.msn ?? listedKept[0]?.msn ?? lastMsn + 1;
  return {
    windowStart: moveStart(startBefore, firstMsn, stored),
    past: past.map((segment) => ({
      ...segment,
      initUri: `init-${segment.initNumber}.mp4`,
      wallClockMs: segment.wallClockMs ?? Math.round(wallClockAtZeroMs + segment.startS * 1000),
    })),
    kept: listedKept,
    inits: spooled.inits,
    nextMsn: lastMsn + 1,
    nextPart: spooled.nextPart,
  };
}

function newestRun(segments: readonly SpooledSegment[]): SpooledSegment[] {
  const run: SpooledSegment[] = [];
  for (const segment of segments.toReversed()) {
    if (run[0] !== undefined && run[0].msn !== segment.msn + 1) break;
    run.unshift(segment);
  }
  return run;
}

function moveStart(
  before: WindowStart,
  firstMsn: number,
  stored: ReadonlyMap<number, StoredSegment>,
): WindowStart {
  let { discontinuities } = before;
  for (let msn = before.msn; msn < firstMsn; msn += 1) {
    if (stored.get(msn)?.isDiscontinuous === true) discontinuities += 1;
  }
  return { msn: Math.max(before.msn, firstMsn), discontinuities };
}
