/**
 * Asks the playback server how far a broadcast reaches, when nothing of it comes.
 */
import type { Answer } from "./live-line.ts";

/** Twice without an answer is soon enough said, and time enough for a server that is far away. */
const DEADLINE_MS = 800;
/** Parts of a segment never come near this. */
const PARTS = 1e6;

/** How far a media playlist reaches; null when it is none. Pure. */
export function growthOf(playlist: string): Answer["growth"] {
  if (playlist.includes("#EXT-X-ENDLIST")) return "over";
  const first = numberIn(playlist, /^#EXT-X-MEDIA-SEQUENCE:(\d+)/m);
  const targetS = numberIn(playlist, /^#EXT-X-TARGETDURATION:([\d.]+)/m);
  if (first === null || targetS === null) return null;
  const [open = "", ...complete] = playlist.split(/^#EXTINF:/m).toReversed();
  const skipped = numberIn(playlist, /^#EXT-X-SKIP:.*SKIPPED-SEGMENTS=(\d+)/m) ?? 0;
  const parts = open.match(/^#EXT-X-PART:/gm)?.length ?? 0;
  const partTargetS = numberIn(playlist, /^#EXT-X-PART-INF:PART-TARGET=([\d.]+)/m);
  return {
    newest: newestAt(first + skipped + complete.length - 1, parts),
    rhythmMs: (partTargetS ?? targetS) * 1000,
  };
}

/** RFC 8216bis 4.4.1.1: its first line says so. */
export function isPlaylist(text: string): boolean {
  return /^#EXTM3U(?:\s|$)/.test(text);
}

/** Up to complete segment `msn`, and `parts` of the next. */
export function newestAt(msn: number, parts: number): number {
  return msn * PARTS + parts;
}

function numberIn(playlist: string, pattern: RegExp): number | null {
  const [, digits] = pattern.exec(playlist) ?? [];
  return digits === undefined ? null : Number(digits);
}

/** Asks for the media playlist at `url`; `isMultivariant`: for the first that the one at `url` names. */
export async function askNewest(
  url: string,
  isMultivariant: boolean,
  nowMs: () => number,
): Promise<Answer | null> {
  const askedAtMs = nowMs();
  const signal = AbortSignal.timeout(DEADLINE_MS);
  try {
    const first = await ask(url, signal);
    if (first.text !== null && !isPlaylist(first.text)) {
      return { askedAtMs, growth: null, isForeign: true };
    }
    const [, uri] = isMultivariant ? /^([^#\s].*)$/m.exec(first.text ?? "") ?? [] : [null, url];
    if (uri === undefined) return { askedAtMs, growth: null, isMissing: first.isMissing };
    const { text } = isMultivariant ? await ask(new URL(uri, url).href, signal) : first;
    return { askedAtMs, growth: text === null ? null : growthOf(text) };
  } catch {
    // A deadline that has passed may be a slow line's.
    return signal.aborted ? null : { askedAtMs, growth: null, isUnreachable: true };
  }
}

type Asked = {
  /** Null: it answered, but not with what it was asked for. */
  readonly text: string | null;
  /** There is nothing of the kind; otherwise it may only be busy. */
  readonly isMissing: boolean;
};

/** @throws without an answer */
async function ask(url: string, signal: AbortSignal): Promise<Asked> {
  const response = await fetch(url, { cache: "no-store", signal });
  const text = await response.text();
  const isMissing = response.status === 404 || response.status === 410;
  return { text: response.ok ? text : null, isMissing };
}
