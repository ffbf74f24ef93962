/**
 * Where in a playlist's parts a segment ends. Pure.
 */

export type LoadedPart = {
  /** Media sequence number of its segment. */
  readonly sn: number;
  /** Its place in the segment, from 0. */
  readonly index: number;
};

/** Whether the part after `loaded` begins a segment; false as well while there is none yet. */
export function endsSegment(loaded: LoadedPart, listed: readonly LoadedPart[]): boolean {
  const at = listed.findIndex(({ sn, index }) => sn === loaded.sn && index === loaded.index);
  // Parts that are not listed any more belong to a complete segment.
  if (at === -1) return true;
  const next = listed[at + 1];
  return next !== undefined && next.sn !== loaded.sn;
}
