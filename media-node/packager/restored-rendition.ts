/**
 * What a live rendition goes on from, where another process began it.
 */
import type { PastSegment, WholeSegment, WindowStart } from "./live-window.ts";
import type { RenditionInit } from "./rendition-inits.ts";

/** A playlist that another process began, as far as it is known. */
export type RestoredRendition = {
  readonly windowStart: WindowStart;
  /** Contiguous with `kept`: storage has their bytes. */
  readonly past: readonly (PastSegment & {
    readonly startS: number;
    readonly frames: number;
    readonly bytes: number;
    readonly isIndependent: boolean;
  })[];
  readonly kept: readonly WholeSegment[];
  readonly inits: ReadonlyMap<number, RenditionInit>;
  readonly nextMsn: number;
  readonly nextPart: number;
};
