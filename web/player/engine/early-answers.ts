/**
 * Playlists that were asked for before the player was there. Who asks early is a bundle of its own: the
 * two meet at the page's `<link data-prefetch>`. A page without one has only what the player asks itself.
 */

/** Older ones are asked for again: a live playlist says where live is. */
const MAX_AGE_MS = 1000;

type EarlyAnswer = { readonly askedAtMs: number; readonly text: Promise<string> };
type EarlyAnswers = Map<string, EarlyAnswer>;
type EarlyLink = HTMLLinkElement & { earlyAnswers?: EarlyAnswers };

const answers = findAnswers();

function findAnswers(): EarlyAnswers {
  const link = document.querySelector<EarlyLink>("link[data-prefetch]");
  return link === null ? new Map() : link.earlyAnswers ??= new Map();
}

export function keepEarlyAnswer(url: string, text: Promise<string>): void {
  answers.set(url, { askedAtMs: performance.now(), text });
}

/** The answer from `url`, for one taker; undefined: nobody asked, or too long ago. */
export function takeEarlyAnswer(url: string): Promise<string> | undefined {
  const answer = answers.get(url);
  if (answer === undefined) return undefined;
  answers.delete(url);
  return performance.now() - answer.askedAtMs <= MAX_AGE_MS ? answer.text : undefined;
}
