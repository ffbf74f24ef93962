/**
 * Waits for a broadcast that has not begun, or for its recording, should it come and go unseen.
 */
import { askNewest, isPlaylist } from "./ask-newest.ts";
import { waitUrl } from "./playback-urls.ts";

export type StartEvents = {
  /** Somebody publishes: what plays can be made ready. */
  readonly onExpected: () => void;
  /** Whether the playback server answers. */
  readonly onAnswered: (isAnswered: boolean) => void;
};

/** What there is; `text`: the multivariant playlist, where it is known. */
export type Started =
  | { readonly what: "RUNNING"; readonly text: string | null }
  | { readonly what: "ENDED" }
  /** Something that is no playlist. */
  | { readonly what: "foreign" };

/** Browsers keep few connections to one server, and who plays needs some. */
const MAX_HELD = 2;
/** Who holds no connection asks so often. */
const ASK_MS = 3000;
/** Shorter answers to a patient question than this are not repeated at once. */
const ASK_AGAIN_MS = 500;

/** Questions that this page's players leave with servers. */
let held = 0;

/** Resolves once there is something to play; null: `signal` was aborted. */
export async function waitForStart(
  playbackUrl: string,
  signal: AbortSignal,
  events: StartEvents,
): Promise<Started | null> {
  while (!signal.aborted) {
    const isExpected = await isPublished(playbackUrl, signal, events);
    if (signal.aborted) return null;
    const started = isExpected
      ? await firstPlaylist(playbackUrl, signal, events)
      : await whatIsThere(playbackUrl);
    if (started !== null) return started;
  }
  return null;
}

/** Whether somebody publishes; the server keeps the question for a while, where it may. */
async function isPublished(
  playbackUrl: string,
  signal: AbortSignal,
  events: StartEvents,
): Promise<boolean> {
  if (held >= MAX_HELD || document.hidden) {
    await pause(ASK_MS, signal);
    return false;
  }
  held += 1;
  const answer = await ask(waitUrl(playbackUrl, "PUBLISHER"), signal, events);
  held -= 1;
  if (answer?.ok === true) events.onExpected();
  return answer?.ok === true;
}

/** The playlist, which the server keeps back until there is something in it. */
async function firstPlaylist(
  playbackUrl: string,
  signal: AbortSignal,
  events: StartEvents,
): Promise<Started | null> {
  const answer = await ask(waitUrl(playbackUrl, "YES"), signal, events);
  if (answer?.ok !== true) return null;
  const text = await answer.text().catch(() => null);
  if (text === null) return null;
  return isPlaylist(text) ? { what: "RUNNING", text } : { what: "foreign" };
}

async function whatIsThere(playbackUrl: string): Promise<Started | null> {
  const answer = await askNewest(playbackUrl, true, () => performance.now());
  if (answer?.isForeign === true) return { what: "foreign" };
  if (answer === null || answer.growth === null) return null;
  return answer.growth === "over" ? { what: "ENDED" } : { what: "RUNNING", text: null };
}

/** Null: there is no answer, and it is not asked again at once. */
async function ask(
  url: string,
  signal: AbortSignal,
  events: StartEvents,
): Promise<Response | null> {
  const askedAtMs = performance.now();
  const answer = await fetch(url, { cache: "no-store", signal }).catch(() => null);
  if (signal.aborted) return null;
  events.onAnswered(answer !== null);
  const isSoon = performance.now() - askedAtMs < ASK_AGAIN_MS;
  if (answer?.ok !== true && isSoon) await pause(ASK_AGAIN_MS, signal);
  return answer;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
