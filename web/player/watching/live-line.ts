/**
 * Whether a broadcast goes on, told from what a viewer's player gets of it and from what the server
 * answers when nothing comes. Pure.
 */

/** How far a live playlist reaches, as a number that grows with each part. */
export type Newest = number;

export type Growth = {
  /** Null: nobody can say. */
  readonly newest: Newest | null;
  /** How long the next may take while all is well. */
  readonly rhythmMs: number;
};

/** What came of asking the server; null: it did not answer. */
export type Answer = {
  readonly askedAtMs: number;
  /** Null: it answered, and there is no live playlist at this moment. */
  readonly growth: Growth | "over" | null;
  /** Something is there, and it is no playlist. */
  readonly isForeign?: boolean;
  /** The server says that there is nothing of the kind. */
  readonly isMissing?: boolean;
  /** The question did not even get there. */
  readonly isUnreachable?: boolean;
};

export type LiveLine = {
  /**
   * `away`: the server has no more itself, and until the picture moves again; `broken`: it cannot be
   * reached; `late`: it has more than comes through.
   */
  readonly verdict: "fine" | "away" | "broken" | "late";
  /** More has come since it was away. */
  readonly isBack: boolean;
  readonly grownAtMs: number;
  readonly rhythmMs: number;
  readonly newest: Newest;
  /** When the server was first seen to have that. */
  readonly newestAtMs: number;
  readonly askedAtMs: number;
  readonly failures: number;
  /** The last question did not get there. */
  readonly isUnreachable: boolean;
  /** The server itself ended the stream. */
  readonly isCut: boolean;
};

export function newLine(nowMs: number): LiveLine {
  return {
    verdict: "fine",
    isBack: false,
    grownAtMs: nowMs,
    rhythmMs: 0,
    newest: -1,
    newestAtMs: nowMs,
    askedAtMs: -Infinity,
    failures: 0,
    isUnreachable: false,
    isCut: false,
  };
}

/** The server is asked after so long without anything, and the broadcaster is away after so long. */
const MIN_ASK_MS = 1000;
const MIN_AWAY_MS = 1400;
/** The same as shares of the rhythm. */
const ASK_SHARE = 1.1;
const AWAY_SHARE = 1.25;
const ASK_AGAIN_MS = 300;
/** Once the reason is known. */
const ASK_SELDOM_MS = 2000;
const MAX_FAILURES = 2;

/** Something has come, or is listed. */
export function noteGrowth(line: LiveLine, growth: Growth, nowMs: number): LiveLine {
  // Another rendition, or another player, that is where this one was.
  if (growth.newest !== null && growth.newest <= line.newest && line.verdict !== "late") {
    return { ...line, rhythmMs: growth.rhythmMs };
  }
  const isAway = line.verdict === "away";
  return {
    ...line,
    verdict: isAway ? "away" : "fine",
    isBack: isAway,
    grownAtMs: nowMs,
    rhythmMs: growth.rhythmMs,
    newest: Math.max(line.newest, growth.newest ?? -1),
    failures: 0,
    isUnreachable: false,
    isCut: false,
  };
}

/** The picture moves: what was away is back once more has come as well. */
export function noteMoved(line: LiveLine): LiveLine {
  return line.isBack ? { ...line, verdict: "fine", isBack: false } : line;
}

export function noteCut(line: LiveLine): LiveLine {
  return { ...line, isCut: true };
}

export function isAskDue(line: LiveLine, nowMs: number): boolean {
  const againMs = line.verdict === "fine" ? ASK_AGAIN_MS : ASK_SELDOM_MS;
  const isQuiet = nowMs - line.grownAtMs >= Math.max(MIN_ASK_MS, line.rhythmMs * ASK_SHARE);
  return (isQuiet || line.isCut) && nowMs - line.askedAtMs >= againMs;
}

export function noteAsked(line: LiveLine, nowMs: number): LiveLine {
  return { ...line, askedAtMs: nowMs };
}

export function noteAnswer(line: LiveLine, answer: Answer | null, nowMs: number): LiveLine {
  if (answer === null || answer.isUnreachable === true) {
    const isUnreachable = answer !== null;
    const failures = line.failures + 1;
    const verdict = failures >= MAX_FAILURES ? "broken" : line.verdict;
    return { ...line, failures, isUnreachable, verdict };
  }
  // What has come meanwhile says more.
  if (answer.askedAtMs < line.grownAtMs) return { ...line, failures: 0 };
  const answered: LiveLine = {
    ...line,
    failures: 0,
    isUnreachable: false,
    verdict: line.verdict === "broken" ? "fine" : line.verdict,
  };
  // The page hears of the end from the API.
  if (answer.growth === "over") return { ...answered, isCut: false };
  const { newest = null, rhythmMs = line.rhythmMs } = answer.growth ?? {};
  const isMore = newest !== null && newest > line.newest;
  const seen = isMore ? { ...answered, newest, newestAtMs: nowMs } : answered;
  if (isAway(line, answer, rhythmMs, isMore)) return { ...seen, verdict: "away", isBack: false };
  if (!isMore) return seen;
  if (line.verdict === "away") return { ...seen, isBack: true };
  // The first answer only says where the server is.
  return line.newest === -1 ? seen : { ...seen, verdict: "late" };
}

function isAway(line: LiveLine, answer: Answer, rhythmMs: number, isMore: boolean): boolean {
  if (line.isCut && line.verdict !== "away") return true;
  const quietMs = answer.askedAtMs - Math.max(line.grownAtMs, line.newestAtMs);
  return !isMore && quietMs >= Math.max(MIN_AWAY_MS, rhythmMs * AWAY_SHARE);
}
