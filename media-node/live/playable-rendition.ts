/**
 * A rendition of a live broadcast as playback reads it.
 */
import type { ReloadAnswer, ReloadTarget } from "../hls/msn.ts";
import type { RenditionReport } from "../hls/playlist.ts";

/** A file of the rendition by the number in its name. */
export type RenditionFile = {
  readonly kind: "init" | "segment" | "part";
  readonly number: number;
};

export interface PlayableRendition {
  /** How many segments are complete so far, those that have left memory included. */
  readonly completeSegments: number;
  /** How many parts it has had. */
  readonly parts: number;
  /** How far it is; null before there is anything to play. */
  report(): RenditionReport | null;
  /** The playlist as it stands. */
  render(isDelta: boolean): string;
  /** `render()` as gzip. */
  renderGzip(isDelta: boolean): Uint8Array<ArrayBuffer>;
  /** The bytes of a file in memory; null when it is not there (any more, or yet). */
  read(file: RenditionFile): Blob | null;
  /** Waits until the playlist has what `target` asks for; null: until it has anything to play. */
  waitFor(target: ReloadTarget | null, deadlineMs?: number): Promise<ReloadAnswer>;
  /** Waits for the part that the preload hint names; any other one that is not there is not waited for. */
  waitForPart(number: number, deadlineMs?: number): Promise<ReloadAnswer>;
}
