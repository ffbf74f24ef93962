/**
 * One media playlist as a player would load it: again and again while it is live.
 */
import { checkDelta, compareLoads, endOf } from "#shared/hls/check-reload.ts";
import { type CheckedPlaylist, readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { type Edge, edgeOf } from "#shared/hls/check-renditions.ts";
import { messageOf } from "#shared/errors.ts";
import { sleep } from "#shared/retry.ts";
import type { Findings } from "./findings.ts";
import type { ProbeHttp } from "./probe-http.ts";
import { RenditionMedia } from "./rendition-media.ts";

/** One load of the playlist. */
export type Load = {
  readonly requestedAtMs: number;
  readonly arrivedAtMs: number;
  readonly text: string;
  readonly playlist: CheckedPlaylist;
};

export type RenditionProbeOptions = {
  readonly name: string;
  readonly url: string;
  readonly bandwidthBps: number | null;
  /** Parts, hints and delta updates too: of one rendition, that is enough. */
  readonly isLead: boolean;
  readonly http: ProbeHttp;
  readonly complaints: Findings;
  readonly advice: Findings;
};

const DELTA_EVERY = 4;
/** Above what the draft allows a server, for the way there and back. */
const GRACE_MS = 1000;

export class RenditionProbe {
  readonly options: RenditionProbeOptions;
  readonly media: RenditionMedia;
  readonly loads: Load[] = [];
  /** How far the last line of the playlist was behind its wall clock when it came. */
  readonly playlistLatencyMs: number[] = [];
  /** The same of parts fetched by their hint, to their last byte. */
  readonly partLatencyMs: number[] = [];
  readonly firstByteMs: number[] = [];
  readonly #pending: Promise<unknown>[] = [];
  #lastChangeMs = 0;

  constructor(options: RenditionProbeOptions) {
    this.options = options;
    const { http, url: baseUrl } = options;
    const complain = (sentences: readonly string[]) => this.#complain(sentences);
    this.media = new RenditionMedia({ http, baseUrl, complain });
  }

  /** The last one loaded; null before the first, or when there is none. */
  get playlist(): CheckedPlaylist | null {
    return this.loads.at(-1)?.playlist ?? null;
  }

  /** Loads the playlist as it stands; false when it is not there. */
  async load(): Promise<boolean> {
    const fetched = await this.options.http.get(this.options.url);
    this.firstByteMs.push(fetched.firstByteMs);
    return fetched.status === 200
      ? this.#take(fetched, null)
      : this.#refuse(`answered ${fetched.status}`);
  }

  /** Goes on loading until `untilMs` (Unix ms) or the end, and fetches what it names. */
  async follow(untilMs: number, signal: AbortSignal): Promise<void> {
    try {
      for (let turn = 0; !signal.aborted && Date.now() < untilMs; turn += 1) {
        const { playlist } = this;
        if (playlist === null || playlist.isEnded) break;
        this.#fetchMedia(playlist);
        if (playlist.serverControl.canBlockReload) await this.#reloadBlocking(playlist, turn);
        else await this.#reloadPlain(playlist, signal);
      }
    } catch (error) {
      this.#complain([messageOf(error)]);
    }
    if (this.playlist !== null) this.#fetchMedia(this.playlist);
    await Promise.all(this.#pending);
  }

  /** Fetches the segments of a recording, the last one first, until `untilMs` (Unix ms). */
  async readAll(untilMs: number, signal: AbortSignal): Promise<void> {
    const segments = this.playlist?.hasByteRanges === true ? [] : this.playlist?.segments ?? [];
    for (const segment of [...segments.slice(-1), ...segments.slice(0, -1)]) {
      if (signal.aborted || Date.now() > untilMs) return;
      this.#later(this.media.measure(segment, false));
      await this.#pending.at(-1);
    }
  }

  #later(work: Promise<unknown>): void {
    this.#pending.push(work.catch((error: unknown) => this.#complain([messageOf(error)])));
  }

  async #reloadBlocking(playlist: CheckedPlaylist, turn: number): Promise<void> {
    const asked = nextOf(playlist);
    const url = withDirectives(this.options.url, asked);
    if (playlist.preloadHintUri !== null && this.options.isLead) {
      this.#later(this.#fetchHint(playlist));
    }
    const fetched = await this.options.http.get(url, 3000 * playlist.targetDurationS + GRACE_MS);
    const waitedMs = fetched.arrivedAtMs - fetched.requestedAtMs;
    const name = `the reload for ${asked.msn}${asked.part === null ? "" : `/${asked.part}`}`;
    if (fetched.status !== 200) {
      this.#refuse(`${name} answered ${fetched.status}`);
      return await sleep(500);
    }
    // 6.2.1: a new segment within 1.5 target durations
    const limitMs = 1500 * playlist.targetDurationS + GRACE_MS;
    if (waitedMs > limitMs) this.#complain([`${name} took ${Math.round(waitedMs)} ms`]);
    const before = this.loads.at(-1);
    this.#take(fetched, asked);
    const after = this.loads.at(-1);
    const isTurn = this.options.isLead && turn % DELTA_EVERY === 0;
    if (isTurn && before !== undefined && after !== undefined && !after.playlist.isEnded) {
      await this.#checkDelta(before, after, asked);
    }
  }

  async #reloadPlain(playlist: CheckedPlaylist, signal: AbortSignal): Promise<void> {
    const before = this.loads.at(-1)?.text;
    // 6.3.4: not more often than half the target duration when nothing changed
    await sleep(500 * playlist.targetDurationS, signal).catch(() => undefined);
    if (signal.aborted) return;
    await this.load();
    const now = this.loads.at(-1);
    if (now === undefined || now.text !== before) return;
    const silentMs = now.arrivedAtMs - this.#lastChangeMs;
    if (silentMs > 1500 * playlist.targetDurationS + GRACE_MS) {
      this.#complain([`the playlist has not changed for ${(silentMs / 1000).toFixed(1)} s`]);
    }
  }

  #take(
    fetched: { bytes: Uint8Array; requestedAtMs: number; arrivedAtMs: number },
    asked: Edge | null,
  ): boolean {
    const { requestedAtMs, arrivedAtMs } = fetched;
    const text = new TextDecoder().decode(fetched.bytes);
    const playlist = readMediaPlaylist(text);
    this.#complain(playlist.complaints);
    this.options.advice.add(this.options.name, playlist.advice);
    const before = this.loads.at(-1);
    if (before !== undefined) this.#complain(compareLoads(before.playlist, playlist));
    if (asked !== null && !has(playlist, asked)) {
      this.#complain(["a blocking reload was answered without what it asked for"]);
    }
    if (text !== before?.text) {
      this.#lastChangeMs = arrivedAtMs;
      const edgeMs = edgeWallClockMs(playlist);
      // The first load says how old the edge is by chance, the later ones how late it comes.
      if (before !== undefined && edgeMs !== null && !playlist.isEnded) {
        this.playlistLatencyMs.push(arrivedAtMs - edgeMs);
      }
    }
    this.loads.push({ requestedAtMs, arrivedAtMs, text, playlist });
    return true;
  }

  #fetchMedia(playlist: CheckedPlaylist): void {
    if (playlist.hasByteRanges) return;
    const { isLead } = this.options;
    // Older ones may leave the playlist before they are asked for.
    for (const segment of playlist.segments.slice(-3)) {
      this.#later(this.media.measure(segment, isLead));
    }
  }

  async #fetchHint(playlist: CheckedPlaylist): Promise<void> {
    const uri = playlist.preloadHintUri ?? "";
    const edgeMs = edgeWallClockMs(playlist);
    const fetched = await this.media.hintedPart(uri);
    if (fetched === null || edgeMs === null) return;
    const part = this.loads.flatMap(({ playlist }) => listedParts(playlist))
      .find((listed) => listed.uri === uri);
    const durationS = part?.durationS ?? playlist.partTargetS ?? 0;
    this.partLatencyMs.push(fetched.arrivedAtMs - edgeMs - durationS * 1000);
  }

  async #checkDelta(before: Load, full: Load, asked: Edge): Promise<void> {
    if (full.playlist.serverControl.canSkipUntilS === null) return;
    const url = withDirectives(this.options.url, asked);
    const delta = await this.options.http.get(`${url}&_HLS_skip=YES`);
    if (delta.status !== 200) return void this.#refuse(`a delta update answered ${delta.status}`);
    const text = new TextDecoder().decode(delta.bytes);
    this.#complain(readMediaPlaylist(text).complaints);
    this.#complain(checkDelta(before.text, text, full.text));
  }

  #refuse(sentence: string): false {
    this.#complain([sentence]);
    return false;
  }

  #complain(sentences: readonly string[]): void {
    this.options.complaints.add(this.options.name, sentences);
  }
}

/** What comes after the last line. */
function nextOf(playlist: CheckedPlaylist): Edge {
  const msn = endOf(playlist);
  return { msn, part: playlist.partTargetS === null ? null : playlist.openParts.length };
}

function withDirectives(url: string, { msn, part }: Edge): string {
  const target = new URL(url);
  target.searchParams.set("_HLS_msn", String(msn));
  if (part !== null) target.searchParams.set("_HLS_part", String(part));
  return target.href;
}

/** Whether the playlist reaches what was asked for. A part past a segment's end is the next one's first. */
function has(playlist: CheckedPlaylist, asked: Edge): boolean {
  if (playlist.isEnded) return true;
  const edge = edgeOf(playlist);
  if (asked.part === null) return endOf(playlist) > asked.msn;
  if (edge.msn !== asked.msn) return edge.msn > asked.msn;
  // Without open parts the segment is complete, however many parts it has.
  return playlist.openParts.length === 0 || playlist.openParts.length > asked.part;
}

function listedParts(playlist: CheckedPlaylist) {
  return [...playlist.segments.flatMap(({ parts }) => parts), ...playlist.openParts];
}

/** Wall clock of where the last line ends; null without EXT-X-PROGRAM-DATE-TIME. */
function edgeWallClockMs(playlist: CheckedPlaylist): number | null {
  const last = playlist.segments.at(-1);
  const openS = playlist.openParts.reduce((sum, { durationS }) => sum + durationS, 0);
  const { wallClockMs } = playlist.openHead;
  if (wallClockMs !== null && openS > 0) return wallClockMs + openS * 1000;
  if (last === undefined || last.wallClockMs === null) return null;
  return last.wallClockMs + (last.durationS + openS) * 1000;
}
