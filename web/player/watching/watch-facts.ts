/**
 * What is known about what a viewer watches, as events tell it. Each fact is taken back only by an
 * event of its own kind: no movement of the mouse or of `currentTime` ends an absence. Pure.
 */
import {
  type Answer,
  type Growth,
  isAskDue,
  type LiveLine,
  newLine,
  noteAnswer,
  noteAsked,
  noteCut,
  noteGrowth,
  noteMoved,
} from "./live-line.ts";
import type { TooSlow } from "../engine/player.ts";

export type WatchEvent =
  /** The API, or the playback server, says how far the video is. */
  | { readonly kind: "video"; readonly status: "CREATED" | "RUNNING" | "ENDED" }
  /** There is nothing to watch (any more), in words. */
  | { readonly kind: "removed"; readonly words: string }
  /** The API does not answer. */
  | { readonly kind: "unanswered" }
  /** Nothing will play here, in words. */
  | { readonly kind: "failed"; readonly words: string }
  /** Nothing is loaded before the viewer asks for it; or they have. */
  | { readonly kind: "held"; readonly isHeld: boolean }
  /** The player begins with something, or ends. */
  | { readonly kind: "load"; readonly what: Facts["plays"] }
  /** A first picture is there. */
  | { readonly kind: "shown" }
  | { readonly kind: "moved" }
  /** The viewer's choice. */
  | { readonly kind: "paused"; readonly isPaused: boolean }
  /** The last picture has been shown. */
  | { readonly kind: "playedOut" }
  /** Nobody can see the page, or somebody can again. */
  | { readonly kind: "hidden"; readonly isHidden: boolean }
  /** Something of the broadcast has come. */
  | { readonly kind: "grown"; readonly growth: Growth }
  /** The server ended the stream. */
  | { readonly kind: "cut" }
  | { readonly kind: "asked" }
  | { readonly kind: "answer"; readonly answer: Answer | null }
  /** What the lowest rung is too much for, if anything. */
  | { readonly kind: "fit"; readonly tooSlow: TooSlow | null }
  /** How old the picture on the screen is, and how old it is meant to be; null: nobody can say. */
  | { readonly kind: "age"; readonly ageS: number | null; readonly usualS: number | null };

export type Facts = {
  readonly video: "CREATED" | "RUNNING" | "ENDED" | null;
  readonly isAnswered: boolean;
  readonly removal: string | null;
  readonly failure: string | null;
  readonly isHeld: boolean;
  readonly plays: "nothing" | "live" | "recording";
  readonly isShown: boolean;
  /** When the picture last moved or was last meant to stand. */
  readonly movedAtMs: number;
  /** How long the picture has stood lately, at `movedAtMs`; what is long ago counts less. */
  readonly stoodMs: number;
  readonly isPaused: boolean;
  readonly isPlayedOut: boolean;
  readonly isHidden: boolean;
  readonly tooSlow: TooSlow | null;
  readonly ageS: number | null;
  readonly isBehind: boolean;
  readonly line: LiveLine;
};

/** So much older than it is meant to be, a picture is behind; and is not any more. */
const BEHIND_S = 4;
const CAUGHT_UP_S = 2;

/** A picture that moves again after longer has stood. */
const HALT_MS = 600;
/** A halt counts for no more. */
const MAX_HALT_MS = 1000;
const MAX_STOOD_MS = 3000;
/** So much of the time it moves is taken off what it has stood. */
const FORGOTTEN = 0.5;

export function noFacts(nowMs: number): Facts {
  return {
    video: null,
    isAnswered: true,
    removal: null,
    failure: null,
    isHeld: false,
    plays: "nothing",
    isShown: false,
    movedAtMs: nowMs,
    stoodMs: 0,
    isPaused: false,
    isPlayedOut: false,
    isHidden: false,
    tooSlow: null,
    ageS: null,
    isBehind: false,
    line: newLine(nowMs),
  };
}

export function noteEvent(facts: Facts, event: WatchEvent, nowMs: number): Facts {
  switch (event.kind) {
    case "video":
      return { ...facts, video: event.status, isAnswered: true, removal: null };
    case "removed":
      return { ...facts, removal: event.words };
    case "unanswered":
      return { ...facts, isAnswered: false };
    case "failed":
      return { ...facts, failure: event.words };
    case "held":
      return { ...facts, isHeld: event.isHeld };
    case "load":
      return beginLoad(facts, event.what, nowMs);
    case "shown":
      return facts.isShown ? facts : { ...facts, isShown: true, movedAtMs: nowMs };
    case "moved":
      return noteMovement(facts, nowMs);
    case "paused":
      return { ...facts, isPaused: event.isPaused, movedAtMs: nowMs };
    case "playedOut":
      return { ...facts, isPlayedOut: true };
    case "hidden":
      return { ...facts, isHidden: event.isHidden, movedAtMs: nowMs };
    case "fit":
      return { ...facts, tooSlow: event.tooSlow };
    case "age":
      return noteAge(facts, event.ageS, event.usualS);
    case "grown":
    case "cut":
    case "asked":
    case "answer":
      return { ...facts, line: noteLine(facts, event, nowMs) };
    default:
      return event satisfies never;
  }
}

/** Whether the server is to be asked how far the broadcast is. */
export function isQuestionDue({ video, plays, line }: Facts, nowMs: number): boolean {
  return video === "RUNNING" && plays === "live" && isAskDue(line, nowMs);
}

type LineEvent = Extract<WatchEvent, { kind: "grown" | "cut" | "asked" | "answer" }>;

function noteLine({ line, isPaused }: Facts, event: LineEvent, nowMs: number): LiveLine {
  switch (event.kind) {
    case "grown": {
      const grown = noteGrowth(line, event.growth, nowMs);
      // No picture will move that is paused.
      return isPaused ? noteMoved(grown) : grown;
    }
    case "cut":
      return noteCut(line);
    case "asked":
      return noteAsked(line, nowMs);
    case "answer":
      return noteAnswer(line, event.answer, nowMs);
    default:
      return event satisfies never;
  }
}

function beginLoad(facts: Facts, plays: Facts["plays"], nowMs: number): Facts {
  return {
    ...facts,
    plays,
    isShown: false,
    movedAtMs: nowMs,
    stoodMs: 0,
    isPaused: false,
    isPlayedOut: false,
    tooSlow: null,
    ageS: null,
    isBehind: false,
    // Who is away stays away, whichever way the picture is to come.
    line: { ...facts.line, grownAtMs: nowMs, isCut: false },
  };
}

function noteMovement(facts: Facts, nowMs: number): Facts {
  const line = noteMoved(facts.line);
  const stoodMs = stoodAfter(facts, nowMs);
  return { ...facts, isShown: true, movedAtMs: nowMs, stoodMs, isPlayedOut: false, line };
}

/** How long the picture has stood lately, and stands now. */
export function stoodForMs(facts: Facts, nowMs: number): number {
  return isHalted(facts, nowMs) ? facts.stoodMs + nowMs - facts.movedAtMs : facts.stoodMs;
}

function isHalted({ isPaused, isHidden, isShown, movedAtMs }: Facts, nowMs: number): boolean {
  return nowMs - movedAtMs > HALT_MS && isShown && !isPaused && !isHidden;
}

/** One halt, however long, is over when the picture moves; some in a row are not. */
function stoodAfter(facts: Facts, nowMs: number): number {
  const sinceMs = nowMs - facts.movedAtMs;
  const stoodMs = isHalted(facts, nowMs)
    ? facts.stoodMs + Math.min(sinceMs, MAX_HALT_MS)
    : facts.stoodMs - sinceMs * FORGOTTEN;
  return Math.min(MAX_STOOD_MS, Math.max(0, stoodMs));
}

function noteAge(facts: Facts, ageS: number | null, usualS: number | null): Facts {
  if (ageS === null || usualS === null) return { ...facts, ageS, isBehind: false };
  const limitS = facts.isBehind ? CAUGHT_UP_S : BEHIND_S;
  return { ...facts, ageS, isBehind: ageS - usualS > limitS };
}
