/**
 * Reads one live media playlist to its end, with blocking reloads, and holds every load to the rules.
 */
import * as HLS from "hls-parser";
import { type CheckedPlaylist, readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { checkDelta, compareLoads, endOf } from "#shared/hls/check-reload.ts";
import type { CheckedSegment } from "#shared/hls/parse-playlist.ts";

/** Every so many loads asks for a delta update as well. */
const DELTA_STRIDE = 4;
const RETRY_MS = 250;

export class PlaylistReader {
  readonly name: string;
  readonly url: string;
  readonly complaints: string[] = [];
  /** Every complete segment that a live playlist has listed, by its URI. */
  readonly listed = new Map<string, CheckedSegment>();
  loads = 0;
  deltas = 0;
  /** Loads that got no playlist: the node was away, or nothing new came in time. */
  failures = 0;
  #before: { readonly text: string; readonly playlist: CheckedPlaylist } | null = null;

  constructor(name: string, url: string) {
    this.name = name;
    this.url = url;
  }

  get isEnded(): boolean {
    return this.#before?.playlist.isEnded ?? false;
  }

  /** How many segments were complete at the last load. */
  get segments(): number {
    return this.#before === null ? 0 : endOf(this.#before.playlist);
  }

  /** Seconds of media in what was listed. */
  get listedS(): number {
    return [...this.listed.values()].reduce((sum, { durationS }) => sum + durationS, 0);
  }

  /** Resolves when the playlist has ended, or nothing more is wanted. */
  async run(signal?: AbortSignal): Promise<void> {
    while (!this.isEnded && signal?.aborted !== true) {
      const text = await this.#load(this.#directives());
      if (text === null) {
        this.failures += 1;
        await Bun.sleep(RETRY_MS);
        continue;
      }
      if (this.loads % DELTA_STRIDE === 0) await this.#readDelta();
      this.#note(text);
    }
  }

  #directives(): string {
    if (this.#before === null) return "";
    const { mediaSequence, segments, openParts, partTargetS } = this.#before.playlist;
    const msn = mediaSequence + segments.length;
    return `?_HLS_msn=${msn}${partTargetS === null ? "" : `&_HLS_part=${openParts.length}`}`;
  }

  async #load(query: string): Promise<string | null> {
    try {
      const response = await fetch(this.url + query);
      const text = await response.text();
      return response.ok ? text : null;
    } catch {
      return null;
    }
  }

  #note(text: string): void {
    this.loads += 1;
    const playlist = readMediaPlaylist(text);
    this.#complain(playlist.complaints);
    if (this.#before !== null) this.#complain(compareLoads(this.#before.playlist, playlist));
    try {
      HLS.parse(text);
    } catch (error) {
      this.#complain([`hls-parser: ${String(error)}`]);
    }
    if (!playlist.isVod) {
      for (const segment of playlist.segments) this.listed.set(segment.uri, segment);
    }
    this.#before = { text, playlist };
  }

  async #readDelta(): Promise<void> {
    if (this.#before === null) return;
    const [delta, full] = await Promise.all([this.#load("?_HLS_skip=YES"), this.#load("")]);
    if (delta === null || full === null || full.includes("#EXT-X-ENDLIST")) return;
    this.deltas += 1;
    this.#complain(readMediaPlaylist(delta).complaints);
    this.#complain(checkDelta(this.#before.text, delta, full));
  }

  #complain(complaints: readonly string[]): void {
    for (const complaint of complaints) this.complaints.push(`${this.name}: ${complaint}`);
  }
}
