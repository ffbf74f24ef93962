/**
 * Playlists that were asked for before the player was there. They hang on the window, because those who
 * ask and those who take are bundles of their own.
 */

/** Older ones are asked for again: a live playlist says where live is. */
const MAX_AGE_MS = 1000;

type EarlyAnswer = { readonly askedAtMs: number; readonly text: Promise<string> };

declare global {
  var sluiceEarlyAnswers: Map<string, EarlyAnswer> | undefined;
}

export function keepEarlyAnswer(url: string, text: Promise<string>): void {
  globalThis.sluiceEarlyAnswers ??= new Map();
  globalThis.sluiceEarlyAnswers.set(url, { askedAtMs: performance.now(), text });
}

/** The answer from `url`, for one taker; undefined: nobody asked, or too long ago. */
export function takeEarlyAnswer(url: string): Promise<string> | undefined {
  const answer = globalThis.sluiceEarlyAnswers?.get(url);
  if (answer === undefined) return undefined;
  globalThis.sluiceEarlyAnswers?.delete(url);
  return performance.now() - answer.askedAtMs <= MAX_AGE_MS ? answer.text : undefined;
}
