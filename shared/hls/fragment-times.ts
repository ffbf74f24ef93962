/**
 * When the media in fragmented MP4 begins and ends, read from the boxes alone. What is not fragmented MP4, or
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

/** From the first to the last moment of a track, in seconds of decode time. */
export type TrackSpan = { readonly startS: number; readonly endS: number };

/** Decode time in seconds of the first fragment of each track in `segment`, by track id. */
export function readStartTimes(
  segment: Uint8Array,
  clocks: readonly TrackClock[],
): Map<number, number> {
  const fragments = readFragments(segment, clocks).toReversed();
  return new Map(fragments.map(({ trackId, startS }) => [trackId, startS]));
}

/** What each track of `segment` spans, by track id; its end is NaN where the samples do not say. */
export function readTrackSpans(
  segment: Uint8Array,
  clocks: readonly TrackClock[],
): Map<number, TrackSpan> {
  const spans = new Map<number, TrackSpan>();
  for (const { trackId, startS, durationS } of readFragments(segment, clocks)) {
    spans.set(trackId, {
      startS: spans.get(trackId)?.startS ?? startS,
      endS: startS + durationS,
    });
  }
  return spans;
}

type Fragment = { readonly trackId: number; readonly startS: number; readonly durationS: number };

/** In the order of the file; without those of tracks that are not declared. */
function readFragments(segment: Uint8Array, clocks: readonly TrackClock[]): Fragment[] {
  return boxesAt(viewOf(segment), ["moof", "traf"]).flatMap((traf) => {
    const tfhd = boxesAt(traf, ["tfhd"])[0];
    const tfdt = boxesAt(traf, ["tfdt"])[0];
    if (tfhd === undefined || tfdt === undefined) return [];
    if (tfhd.byteLength < 8 || tfdt.byteLength < 8) return [];
    const trackId = tfhd.getUint32(4);
    const timescale = clocks.find((clock) => clock.trackId === trackId)?.timescale ?? 0;
    if (timescale === 0) return [];
    const isLong = tfdt.getUint8(0) === 1 && tfdt.byteLength >= 12;
    const ticks = isLong ? Number(tfdt.getBigUint64(4)) : tfdt.getUint32(4);
    const durationTicks = boxesAt(traf, ["trun"]).reduce((sum, trun) => sum + durationOf(trun), 0);
    return [{ trackId, startS: ticks / timescale, durationS: durationTicks / timescale }];
  });
}

const HAS_DATA_OFFSET = 0x1;
const HAS_FIRST_FLAGS = 0x4;
const HAS_DURATION = 0x100;
/** Duration, size, flags and composition offset: four bytes a sample each. */
const SAMPLE_FIELDS = [HAS_DURATION, 0x200, 0x400, 0x800];

/** Ticks of all samples; NaN when they do not tell their own. */
function durationOf(trun: DataView): number {
  if (trun.byteLength < 8) return Number.NaN;
  const flags = trun.getUint32(0);
  const stride = 4 * SAMPLE_FIELDS.filter((field) => (flags & field) !== 0).length;
  const head = 8 +
    [HAS_DATA_OFFSET, HAS_FIRST_FLAGS].filter((bit) => (flags & bit) !== 0).length * 4;
  const end = head + trun.getUint32(4) * stride;
  if ((flags & HAS_DURATION) === 0 || end > trun.byteLength) return Number.NaN;
  let ticks = 0;
  for (let offset = head; offset < end; offset += stride) ticks += trun.getUint32(offset);
  return ticks;
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
