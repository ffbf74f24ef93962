/**
 * What a viewer is told, as a function of what is known. Pure.
 */
import { en, type PlayerWords } from "../../words/player/en.ts";
import { fill } from "../../words/player/words.ts";
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
  readonly plays: Facts["plays"];
  /** It is a broadcast that goes on, or what of one was live; otherwise a recording. */
  readonly isLive: boolean;
  /** Nothing is loaded before the viewer asks for it. */
  readonly isHeld: boolean;
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

/** In these the picture says enough. */
const SILENT = new Set<WatchState>(["live", "behind", "recording"]);

/** What the page says at `nowMs`. */
export function screenOf(facts: Facts, nowMs: number, words: PlayerWords = en): Screen {
  const state = stateOf(facts, nowMs);
  const isMoving = state === "live" || state === "behind";
  const ageS = isMoving ? facts.ageS : null;
  return {
    state,
    plays: facts.plays,
    isLive: isLive(facts),
    isHeld: facts.isHeld,
    words: wordsOf(state, facts, words),
    isCovering: !facts.isShown || facts.plays === "nothing" || facts.isPlayedOut ||
      isStanding(facts, nowMs, STANDING_MS),
    action: state === "ended" ? "playRecording" : null,
    badge: badgeOf(state, facts, words),
    isWayBack: state === "behind",
    ageS,
  };
}

function isLive({ plays, video }: Facts): boolean {
  // What nobody knows yet is not said to be.
  return plays === "live" || (plays === "nothing" && video !== "ENDED" && video !== null);
}

function badgeOf(state: WatchState, facts: Facts, { badges, behind }: PlayerWords): string {
  const { ageS, tooSlow } = facts;
  if (state === "joining" && !isLive(facts)) return facts.video === null ? "" : badges.recording;
  if (state === "behind" && ageS !== null) return fill(behind, { s: String(Math.round(ageS)) });
  return state === "tooSlow" && tooSlow === "device" ? badges.slowDevice : badges[state];
}

function wordsOf(state: WatchState, facts: Facts, { states }: PlayerWords): string | null {
  if (state === "removed" && facts.removal !== null) return facts.removal;
  if (state === "failed" && facts.failure !== null) return facts.failure;
  if (state === "tooSlow" && facts.tooSlow === "device") return states.slowDevice;
  // The poster and its play button are invitation enough.
  if (facts.isHeld && state === "joining") return null;
  return SILENT.has(state) ? null : states[state as keyof PlayerWords["states"]];
}

export function stateOf(facts: Facts, nowMs: number): WatchState {
  if (facts.removal !== null) return "removed";
  if (facts.failure !== null) return "failed";
  // A picture that plays needs no API.
  if (!facts.isAnswered && facts.plays === "nothing") return "reconnecting";
  if (facts.video === "CREATED") return "waiting";
  if (facts.plays === "recording") return recordingState(facts, nowMs);
  if (facts.isHeld) return "joining";
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
  // On a line that is too slow, answers come too late as well.
  const isTooSlow = facts.tooSlow === "connection";
  const isOff = facts.line.verdict === "broken" && (!isTooSlow || facts.line.isUnreachable);
  if (isOff) return "reconnecting";
  if (!facts.isShown) return facts.tooSlow === null ? "joining" : "tooSlow";
  // A picture that moves a little now and then has stopped as well.
  const stoodMs = stoodForMs(facts, nowMs);
  if (isTooSlow && stoodMs > STANDING_MS) return "tooSlow";
  // It is known to move badly for some seconds.
  if (facts.tooSlow === "device") return "tooSlow";
  if (stoodMs > PATIENCE_MS) return "stalled";
  return facts.isBehind ? "behind" : "live";
}

/** A picture that is paused, or that nobody sees, may stand. */
function isStanding(facts: Facts, nowMs: number, forMs: number): boolean {
  const { isPaused, isHidden, movedAtMs } = facts;
  return !isPaused && !isHidden && nowMs - movedAtMs > forMs;
}
