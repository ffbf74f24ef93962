/**
 * The samples of fragmented MP4, as far as the fragments themselves describe them.
 * @see ISO/IEC 14496-12 8.8
 */

export type FragmentSample = {
  /** In the track's timescale. */
  readonly decodeTicks: number;
  readonly compositionTicks: number;
  readonly bytes: Uint8Array;
};

/** By track id, in the order of the file; null when that is not what `media` is, or it is damaged. */
export function readFragmentSamples(media: Uint8Array): Map<number, FragmentSample[]> | null {
  const tracks = new Map<number, FragmentSample[]>();
  try {
    const file = new DataView(media.buffer, media.byteOffset, media.byteLength);
    for (const moof of boxesIn(file, "moof")) {
      for (const traf of boxesIn(moof.body, "traf")) {
        const { trackId, samples } = readTrackFragment(traf.body, media.subarray(moof.offset));
        tracks.set(trackId, [...tracks.get(trackId) ?? [], ...samples]);
      }
    }
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return tracks.size === 0 ? null : tracks;
}

type Box = { readonly offset: number; readonly body: DataView };

/** @throws RangeError when a box ends beyond `view` */
function boxesIn(view: DataView, type: string): Box[] {
  const boxes: Box[] = [];
  for (let offset = 0; offset < view.byteLength;) {
    const size = view.getUint32(offset);
    if (size < 8) throw new RangeError(`a box of ${size} bytes`);
    const body = new DataView(view.buffer, view.byteOffset + offset + 8, size - 8);
    const name = [4, 5, 6, 7].map((at) => String.fromCharCode(view.getUint8(offset + at))).join("");
    if (offset + size > view.byteLength) throw new RangeError(`the box ${name} is cut off`);
    if (name === type) boxes.push({ offset, body });
    offset += size;
  }
  return boxes;
}

type Header = { readonly trackId: number; readonly duration: number; readonly size: number };

function readTrackFragment(traf: DataView, media: Uint8Array) {
  const header = readHeader(only(traf, "tfhd"));
  const tfdt = only(traf, "tfdt");
  let decodeTicks = tfdt.getUint8(0) === 0 ? tfdt.getUint32(4) : Number(tfdt.getBigUint64(4));
  const samples: FragmentSample[] = [];
  for (const { body } of boxesIn(traf, "trun")) {
    for (const { duration, compositionTicks, offset, size } of readRun(body, header)) {
      if (offset < 0 || offset + size > media.length) throw new RangeError("a sample is cut off");
      samples.push({ decodeTicks, compositionTicks, bytes: media.subarray(offset, offset + size) });
      decodeTicks += duration;
    }
  }
  return { trackId: header.trackId, samples };
}

function only(traf: DataView, type: string): DataView {
  const [box] = boxesIn(traf, type);
  if (box === undefined) throw new RangeError(`a track fragment without ${type}`);
  return box.body;
}

function readHeader(tfhd: DataView): Header {
  const flags = tfhd.getUint32(0);
  let at = 8;
  const next = (bit: number, bytes: number) => {
    if ((flags & bit) === 0) return 0;
    at += bytes;
    return tfhd.getUint32(at - 4);
  };
  next(0x1, 8); // base-data-offset
  next(0x2, 4); // sample-description-index
  return { trackId: tfhd.getUint32(4), duration: next(0x8, 4), size: next(0x10, 4) };
}

/** Offsets are counted from the `moof`. */
function* readRun(trun: DataView, header: Header) {
  const flags = trun.getUint32(0);
  let at = 8;
  const next = (bit: number, otherwise: number) => {
    if ((flags & bit) === 0) return otherwise;
    at += 4;
    return trun.getInt32(at - 4);
  };
  const count = trun.getUint32(4);
  let offset = next(0x1, 0);
  next(0x4, 0); // first-sample-flags
  for (let index = 0; index < count; index += 1) {
    const duration = next(0x100, header.duration);
    const size = next(0x200, header.size);
    next(0x400, 0); // sample-flags
    yield { duration, size, offset, compositionTicks: next(0x800, 0) };
    offset += size;
  }
}
