/**
 * What came of the renditions that were tried, and so which may be tried next. Pure.
 */

export type RungRecord = {
  /** When another rendition was last begun, in ms. */
  readonly changedAtMs: number;
  /** It was a larger one. */
  readonly hasRisen: boolean;
  /** How long it is kept before a larger one is tried. */
  readonly stayMs: number;
  /** What the line carried when it was too slow. */
  readonly fallBps: number;
  /** The smallest that is too much work to show; Infinity: none. */
  readonly heavyLevel: number;
  /** It may be tried again then. */
  readonly heavyUntilMs: number;
  readonly heavyMs: number;
};

/** What the first seconds are like is known by then. */
const FIRST_MS = 2500;
/** After each step up in vain, one that lasted for less than this, twice as long. */
const STAY_MS = 8000;
const VAIN_MS = 8000;
const MAX_STAY_MS = 64_000;
/** A line that carries so many times what it did is another one: what was in vain tells nothing. */
const OTHER_LINE = 3;
const HEAVY_MS = 60_000;
const MAX_HEAVY_MS = 960_000;

/** A player begins. */
export function newRecord(nowMs: number): RungRecord {
  return {
    changedAtMs: nowMs,
    hasRisen: false,
    stayMs: FIRST_MS,
    fallBps: Infinity,
    heavyLevel: Infinity,
    heavyUntilMs: -Infinity,
    heavyMs: HEAVY_MS,
  };
}

export function noteRise(record: RungRecord, nowMs: number): RungRecord {
  return { ...record, changedAtMs: nowMs, hasRisen: true };
}

/** The line, which carries `bps`, was too slow for what was played. */
export function noteFall(record: RungRecord, bps: number, nowMs: number): RungRecord {
  const isInVain = record.hasRisen && nowMs - record.changedAtMs < VAIN_MS;
  const stayMs = Math.max(STAY_MS, isInVain ? Math.min(MAX_STAY_MS, record.stayMs * 2) : 0);
  return { ...record, changedAtMs: nowMs, hasRisen: false, stayMs, fallBps: bps };
}

/** The machine was too slow for `level`. */
export function noteHeavy(record: RungRecord, level: number, nowMs: number): RungRecord {
  const isAgain = record.heavyUntilMs > -Infinity;
  const heavyMs = isAgain ? Math.min(MAX_HEAVY_MS, record.heavyMs * 2) : HEAVY_MS;
  const heavyUntilMs = nowMs + heavyMs;
  return {
    ...record,
    changedAtMs: nowMs,
    hasRisen: false,
    heavyLevel: level,
    heavyUntilMs,
    heavyMs,
  };
}

/** Whether a larger one may be tried on a line that carries `bps`. */
export function isRiseDue(
  { changedAtMs, stayMs, fallBps }: RungRecord,
  bps: number,
  nowMs: number,
): boolean {
  const isOther = bps > fallBps * OTHER_LINE;
  return nowMs - changedAtMs >= (isOther ? Math.min(STAY_MS, stayMs) : stayMs);
}

/** All below may be tried. */
export function ceilingOf({ heavyLevel, heavyUntilMs }: RungRecord, nowMs: number): number {
  return nowMs < heavyUntilMs ? heavyLevel : Infinity;
}
