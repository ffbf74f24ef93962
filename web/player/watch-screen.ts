/**
 * What a viewer is told, as a function of what is known. Pure.
 */
import { type Facts, stoodForMs } from "./watch-facts.ts";

export type WatchState =
  | "waiting"
  | "joining"
  | "live"
  | "behind"
  | "stalled"
  | "reconnecting"
  | "encoderGone"
  | "tooSlow"
  | "ended"
  | "recording"
  | "removed"
  | "failed";

/** What a viewer reads and can press. */
export type Screen = {
  readonly state: WatchState;
  /** Null: the picture says enough. */
  readonly words: string | null;
  /** The words take the picture's place; otherwise they stand at its edge. */
  readonly isCovering: boolean;
  readonly action: "playRecording" | null;
  readonly badge: string;
  /** The badge is the way back to live. */
  readonly isWayBack: boolean;
  /** Age of the picture in seconds; null: there is nothing to say about it. */
  readonly ageS: number | null;
};

/** How long a picture may stand still before the page says why. */
const PATIENCE_MS = 2500;
/** Where it is known why: words cover a picture that stands for so long. */
const STANDING_MS = 1000;

const WORDS: Readonly<Record<WatchState, string | null>> = {
  waiting: "The broadcast has not begun yet. This page starts by itself when it does.",
  joining: "Loading …",
  live: null,
  behind: null,
  stalled: "The picture has stopped. Waiting for more of it …",
  reconnecting: "Your connection to the server is interrupted. Trying again …",
  encoderGone: "The broadcast has stopped: the broadcaster is away. It goes on by itself " +
    "when they come back.",
  tooSlow: "Your connection is too slow for the smallest picture.",
  ended: "The broadcast has ended.",
  recording: null,
  removed: "This video is gone.",
  failed: "This video cannot be played here.",
};

const BADGES: Readonly<Record<WatchState, string>> = {
  waiting: "not live yet",
  joining: "LIVE",
  live: "LIVE",
  behind: "behind",
  stalled: "no picture",
  reconnecting: "no connection",
  encoderGone: "broadcaster away",
  tooSlow: "slow connection",
  ended: "ended",
  recording: "recording",
  removed: "removed",
  failed: "cannot play",
};

/** What the page says at `nowMs`. */
export function screenOf(facts: Facts, nowMs: number): Screen {
  const state = stateOf(facts, nowMs);
  const isMoving = state === "live" || state === "behind";
  const ageS = isMoving ? facts.ageS : null;
  return {
    state,
    words: wordsOf(state, facts),
    isCovering: !facts.isShown || facts.plays === "nothing" || facts.isPlayedOut ||
      isStanding(facts, nowMs, STANDING_MS),
    action: state === "ended" ? "playRecording" : null,
    badge: state === "behind" && ageS !== null ? `${Math.round(ageS)} s behind` : BADGES[state],
    isWayBack: state === "behind",
    ageS,
  };
}

function wordsOf(state: WatchState, { removal, failure }: Facts): string | null {
  if (state === "removed") return removal;
  return state === "failed" ? failure : WORDS[state];
}

export function stateOf(facts: Facts, nowMs: number): WatchState {
  if (facts.removal !== null) return "removed";
  if (facts.failure !== null) return "failed";
  // A picture that plays needs no API.
  if (!facts.isAnswered && facts.plays === "nothing") return "reconnecting";
  if (facts.video === "CREATED") return "waiting";
  if (facts.plays === "recording") return recordingState(facts, nowMs);
  if (facts.video === "ENDED") return "ended";
  return facts.plays === "live" ? liveState(facts, nowMs) : "joining";
}

function recordingState(facts: Facts, nowMs: number): WatchState {
  if (!facts.isShown) return "joining";
  const isStuck = !facts.isPlayedOut && isStanding(facts, nowMs, PATIENCE_MS);
  return isStuck ? "stalled" : "recording";
}

function liveState(facts: Facts, nowMs: number): WatchState {
  if (facts.line.verdict === "away") return "encoderGone";
  if (facts.line.verdict === "broken") return "reconnecting";
  if (!facts.isShown) return facts.isTooSlow ? "tooSlow" : "joining";
  // A picture that moves a little now and then has stopped as well.
  const stoodMs = stoodForMs(facts, nowMs);
  if (facts.isTooSlow && stoodMs > STANDING_MS) return "tooSlow";
  if (stoodMs > PATIENCE_MS) return "stalled";
  return facts.isBehind ? "behind" : "live";
}

/** A picture that is paused, or that nobody sees, may stand. */
function isStanding(facts: Facts, nowMs: number, forMs: number): boolean {
  const { isPaused, isHidden, movedAtMs } = facts;
  return !isPaused && !isHidden && nowMs - movedAtMs > forMs;
}
