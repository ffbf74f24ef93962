/**
 * The samples in a segment of fragmented MP4, with their bytes.
 * @see ISO/IEC 14496-12 8.8
 */

export type Sample = {
  readonly trackId: number;
  readonly dtsTicks: number;
  readonly ptsTicks: number;
  readonly durationTicks: number;
  readonly isSync: boolean;
  readonly data: Uint8Array;
};

type Box = { readonly type: string; readonly start: number; readonly end: number };

/** Every sample of `segment`, in the order of the file. */
export function readSamples(segment: Uint8Array): Sample[] {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  return boxesIn(view, 0, view.byteLength).filter(({ type }) => type === "moof").flatMap((moof) =>
    boxesIn(view, moof.start + 8, moof.end).filter(({ type }) => type === "traf").flatMap((traf) =>
      readTrackFragment(view, moof.start, traf)
    )
  );
}

function readTrackFragment(view: DataView, moofStart: number, traf: Box): Sample[] {
  const boxes = boxesIn(view, traf.start + 8, traf.end);
  const find = (type: string) => boxes.find((box) => box.type === type);
  const [tfhd, tfdt] = [find("tfhd"), find("tfdt")];
  if (tfhd === undefined || tfdt === undefined) return [];
  const trackId = view.getUint32(tfhd.start + 12);
  const isLong = view.getUint8(tfdt.start + 8) === 1;
  let dtsTicks = isLong
    ? Number(view.getBigUint64(tfdt.start + 12))
    : view.getUint32(tfdt.start + 12);
  return boxes.filter(({ type }) => type === "trun").flatMap((trun) => {
    const samples = readRun(view, moofStart, trun).map((sample) => {
      const placed = { ...sample, trackId, dtsTicks, ptsTicks: dtsTicks + sample.ptsTicks };
      dtsTicks += sample.durationTicks;
      return placed;
    });
    return samples;
  });
}

const HAS_DATA_OFFSET = 0x1;
const HAS_FIRST_FLAGS = 0x4;
const NON_SYNC = 0x10000;

/** Times as from 0; fields that a run leaves to defaults count as 0. */
function readRun(view: DataView, moofStart: number, trun: Box): Sample[] {
  const flags = view.getUint32(trun.start + 8) & 0xffffff;
  const count = view.getUint32(trun.start + 12);
  let at = trun.start + 16;
  const next = (isThere: number) => {
    if (isThere === 0) return 0;
    at += 4;
    return view.getUint32(at - 4);
  };
  let offset = moofStart + next(flags & HAS_DATA_OFFSET);
  const firstFlags = next(flags & HAS_FIRST_FLAGS);
  return Array.from({ length: count }, (_, index) => {
    const durationTicks = next(flags & 0x100);
    const bytes = next(flags & 0x200);
    const own = next(flags & 0x400);
    const sampleFlags = index === 0 && (flags & HAS_FIRST_FLAGS) !== 0 ? firstFlags : own;
    const ptsTicks = next(flags & 0x800) | 0;
    const data = new Uint8Array(view.buffer, view.byteOffset + offset, bytes);
    offset += bytes;
    const isSync = (sampleFlags & NON_SYNC) === 0;
    return { trackId: 0, dtsTicks: 0, ptsTicks, durationTicks, isSync, data };
  });
}

/** The H.264 NAL unit types of a sample, behind 4-byte lengths; a length past its end is -1. */
export function unitTypesOf({ data }: Sample): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const types: number[] = [];
  for (let at = 0; at < data.length;) {
    const bytes = at + 4 < data.length ? view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (at + 4 + bytes > data.length) return [...types, -1];
    types.push((data[at + 4] ?? 0) & 31);
    at += 4 + bytes;
  }
  return types;
}

function boxesIn(view: DataView, from: number, to: number): Box[] {
  const boxes: Box[] = [];
  for (let start = from; start + 8 <= to;) {
    const bytes = view.getUint32(start);
    if (bytes < 8 || start + bytes > to) break;
    const letters = [4, 5, 6, 7].map((index) => view.getUint8(start + index));
    boxes.push({ type: String.fromCharCode(...letters), start, end: start + bytes });
    start += bytes;
  }
  return boxes;
}
