/**
 * What a page hears of a player whose screen changes.
 */
import type { Screen, WatchState } from "../watching/watch-screen.ts";

const FAILED = new Set<WatchState>(["failed", "removed"]);

/** The events from `before` to `after`, in order. */
export function eventsOf(before: Screen | null, after: Screen): readonly Event[] {
  const events = before?.state === after.state ? [] : stateEvents(after);
  const isSame = before !== null && JSON.stringify(before) === JSON.stringify(after);
  return isSame ? events : [...events, new CustomEvent("screen", { detail: after })];
}

function stateEvents({ state, ageS, words }: Screen): Event[] {
  if (FAILED.has(state)) return [new CustomEvent("error", { detail: { state, message: words } })];
  if (state === "live" || state === "ended") return [new CustomEvent(state)];
  return state === "behind" ? [new CustomEvent("behind", { detail: { seconds: ageS } })] : [];
}
