/**
 * When the media in fragmented MP4 begins, read from the boxes alone. What is not fragmented MP4, or
 * damaged, has no times: nothing throws.
 * @see ISO/IEC 14496-12
 */

/** A track of an init segment. */
export type TrackClock = {
  readonly trackId: number;
  /** `vide`, `soun` … */
  readonly handler: string;
  readonly timescale: number;
};

type Box = { readonly type: string; readonly body: DataView };

/** The tracks that an init segment declares. */
export function readTrackClocks(init: Uint8Array): TrackClock[] {
  return boxesAt(viewOf(init), ["moov", "trak"]).flatMap((trak) => {
    const tkhd = boxesAt(trak, ["tkhd"])[0];
    const mdhd = boxesAt(trak, ["mdia", "mdhd"])[0];
    const hdlr = boxesAt(trak, ["mdia", "hdlr"])[0];
    if (tkhd === undefined || mdhd === undefined || hdlr === undefined) return [];
    if (tkhd.byteLength < 24 || mdhd.byteLength < 24 || hdlr.byteLength < 12) return [];
    return [{
      trackId: tkhd.getUint32(tkhd.getUint8(0) === 1 ? 20 : 12),
      handler: fourCc(hdlr, 8),
      timescale: mdhd.getUint32(mdhd.getUint8(0) === 1 ? 20 : 12),
    }];
  });
}

/** Decode time in seconds of the first fragment of each track in `segment`, by track id. */
export function readStartTimes(
  segment: Uint8Array,
  clocks: readonly TrackClock[],
): Map<number, number> {
  const starts = new Map<number, number>();
  for (const traf of boxesAt(viewOf(segment), ["moof", "traf"])) {
    const tfhd = boxesAt(traf, ["tfhd"])[0];
    const tfdt = boxesAt(traf, ["tfdt"])[0];
    if (tfhd === undefined || tfdt === undefined) continue;
    if (tfhd.byteLength < 8 || tfdt.byteLength < 8) continue;
    const trackId = tfhd.getUint32(4);
    const timescale = clocks.find((clock) => clock.trackId === trackId)?.timescale ?? 0;
    if (timescale === 0 || starts.has(trackId)) continue;
    const isLong = tfdt.getUint8(0) === 1 && tfdt.byteLength >= 12;
    const ticks = isLong ? Number(tfdt.getBigUint64(4)) : tfdt.getUint32(4);
    starts.set(trackId, ticks / timescale);
  }
  return starts;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The bodies of all boxes down `path`. */
function boxesAt(view: DataView, path: readonly string[]): DataView[] {
  const [first, ...rest] = path;
  const found = boxesIn(view).filter(({ type }) => type === first).map(({ body }) => body);
  return rest.length === 0 ? found : found.flatMap((body) => boxesAt(body, rest));
}

function boxesIn(view: DataView): Box[] {
  const boxes: Box[] = [];
  for (let offset = 0; offset + 8 <= view.byteLength;) {
    const size = view.getUint32(offset);
    if (size < 8 || offset + size > view.byteLength) break;
    const body = new DataView(view.buffer, view.byteOffset + offset + 8, size - 8);
    boxes.push({ type: fourCc(view, offset + 4), body });
    offset += size;
  }
  return boxes;
}

function fourCc(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(offset + index)));
}
