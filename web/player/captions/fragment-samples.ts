/**
 * The pictures in fragmented MP4, as the media node writes it: one run of samples for each track. Pure.
 * @see ISO/IEC 14496-12
 */
export type PictureTrack = {
  readonly id: number;
  /** Ticks per second. */
  readonly timescale: number;
};

export type PictureSample = {
  /** When it is shown. */
  readonly ptsTicks: number;
  readonly durationTicks: number;
  /** Of its bytes, in the fragment. */
  readonly offset: number;
  readonly bytes: number;
};

export type PictureRun = {
  readonly samples: readonly PictureSample[];
  /** Where the next run is decoded from: no picture of it is shown before. */
  readonly endTicks: number;
};

type Box = { readonly type: string; readonly start: number; readonly view: DataView };

const DURATION = 0x100;
const SIZE = 0x200;
const FLAGS = 0x400;
const COMPOSITION = 0x800;

/** Of an init segment; null: it has no pictures. */
export function readPictureTrack(init: Uint8Array): PictureTrack | null {
  for (const trak of boxesIn(init, ["moov", "trak"])) {
    const [handler] = boxesIn(bytesOf(trak), ["mdia", "hdlr"]);
    const [header] = boxesIn(bytesOf(trak), ["tkhd"]);
    const [media] = boxesIn(bytesOf(trak), ["mdia", "mdhd"]);
    if (handler === undefined || header === undefined || media === undefined) continue;
    if (fourCc(handler.view, 8) !== "vide") continue;
    const wide = (box: Box) => box.view.getUint8(0) === 1;
    return {
      id: header.view.getUint32(wide(header) ? 20 : 12),
      timescale: media.view.getUint32(wide(media) ? 20 : 12),
    };
  }
  return null;
}

/** The run of each fragment in `bytes` that has pictures. */
export function readPictureRuns(bytes: Uint8Array, trackId: number): readonly PictureRun[] {
  return boxesIn(bytes, ["moof"]).flatMap((moof) =>
    boxesIn(bytesOf(moof), ["traf"]).flatMap((traf) => {
      const find = (type: string) => boxesIn(bytesOf(traf), [type])[0]?.view;
      const [head, time, run] = [find("tfhd"), find("tfdt"), find("trun")];
      if (head === undefined || time === undefined || run === undefined) return [];
      return head.getUint32(4) === trackId ? [readRun(run, readTime(time), moof.start)] : [];
    })
  );
}

function readTime(tfdt: DataView): number {
  return tfdt.getUint8(0) === 1 ? Number(tfdt.getBigUint64(4)) : tfdt.getUint32(4);
}

function readRun(trun: DataView, decodeTicks: number, moofStart: number): PictureRun {
  const flags = trun.getUint32(0);
  const fields = [DURATION, SIZE, FLAGS, COMPOSITION].filter((field) => (flags & field) !== 0);
  const at = (row: number, field: number) =>
    12 + (flags & 4) + 4 * (row * fields.length + fields.indexOf(field));
  let ticks = decodeTicks;
  let offset = moofStart + trun.getInt32(8);
  const samples = Array.from({ length: trun.getUint32(4) }, (_, row) => {
    const shift = (flags & COMPOSITION) === 0 ? 0 : trun.getInt32(at(row, COMPOSITION));
    const bytes = trun.getUint32(at(row, SIZE));
    const durationTicks = trun.getUint32(at(row, DURATION));
    const sample = { ptsTicks: ticks + shift, durationTicks, offset, bytes };
    ticks += durationTicks;
    offset += bytes;
    return sample;
  });
  return { samples, endTicks: ticks };
}

/** All boxes that are reached down `path`; what is cut off is left out. */
function boxesIn(bytes: Uint8Array, path: readonly string[]): readonly Box[] {
  const [first, ...rest] = path;
  const found: Box[] = [];
  const all = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let start = 0; start + 8 <= bytes.length;) {
    const size = all.getUint32(start);
    if (size < 8 || start + size > bytes.length) break;
    const type = fourCc(all, start + 4);
    const view = new DataView(bytes.buffer, bytes.byteOffset + start + 8, size - 8);
    if (type === first) found.push({ type, start, view });
    start += size;
  }
  return rest.length === 0 ? found : found.flatMap((box) => boxesIn(bytesOf(box), rest));
}

function bytesOf({ view }: Box): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function fourCc(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(at + index)));
}
