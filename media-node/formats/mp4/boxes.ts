/**
 * Reads ISO base media boxes: the tree, movie fragments, and the codec strings of `avcC` and `esds`.
 * Every read is checked against the bytes that are there: damaged input throws BoxError, nothing else.
 * @see ISO/IEC 14496-12
 */

/** The bytes are not the boxes they claim to be. */
export class BoxError extends Error {
  override readonly name = "BoxError";
}

/** A box in place: `body` is a view, not a copy. */
export type Box = {
  readonly type: string;
  /** Where its header begins, counted from the start of what was read. */
  readonly offset: number;
  readonly size: number;
  readonly body: Uint8Array;
};

const MAX_BOX_BYTES = 256 * 1024 * 1024;

/** The boxes that lie one after the other in `bytes`. @throws BoxError when the last one is cut off */
export function readBoxes(bytes: Uint8Array): Box[] {
  const boxes: Box[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const box = readBox(bytes, offset);
    if (box === null) throw new BoxError(`a box is cut off at byte ${offset} of ${bytes.length}`);
    boxes.push(box);
    offset += box.size;
  }
  return boxes;
}

/** The box at `offset`, or null when more bytes are needed. @throws BoxError on an impossible size */
export function readBox(bytes: Uint8Array, offset: number): Box | null {
  if (bytes.length - offset < 8) return null;
  const view = viewOf(bytes);
  const type = fourCc(bytes, offset + 4);
  let size = view.getUint32(offset);
  let headerBytes = 8;
  if (size === 1) {
    if (bytes.length - offset < 16) return null;
    size = Number(view.getBigUint64(offset + 8));
    headerBytes = 16;
  }
  if (size < headerBytes || size > MAX_BOX_BYTES) {
    throw new BoxError(`the box ${JSON.stringify(type)} claims a size of ${size} bytes`);
  }
  if (bytes.length - offset < size) return null;
  return { type, offset, size, body: bytes.subarray(offset + headerBytes, offset + size) };
}

/** The first box found by going down `path`, e.g. `["moov", "trak", "mdia"]`. */
export function findBox(bytes: Uint8Array, path: readonly string[]): Box | undefined {
  const [first, ...rest] = path;
  for (const box of readBoxes(bytes)) {
    if (box.type !== first) continue;
    const found = rest.length === 0 ? box : findBox(box.body, rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** One sample as a `trun` describes it, with the defaults of `tfhd` filled in. */
export type FragmentSample = {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
  readonly compositionOffset: number;
};

/** One `traf`: a run of samples of one track. */
export type FragmentTrack = {
  readonly trackId: number;
  readonly baseMediaDecodeTime: number;
  /** From the start of the `moof` to the first sample's bytes. */
  readonly dataOffset: number;
  readonly samples: readonly FragmentSample[];
};

const MAX_SAMPLES = 100_000;

/** The tracks of a `moof` body with one `trun` each, as ours and ffmpeg's are. @throws BoxError */
export function readMovieFragment(moof: Uint8Array): FragmentTrack[] {
  const tracks: FragmentTrack[] = [];
  for (const traf of readBoxes(moof)) {
    if (traf.type === "traf") tracks.push(...readTrackFragment(traf.body));
  }
  return tracks;
}

type Defaults = { trackId: number; duration: number; size: number; flags: number };

function readTrackFragment(traf: Uint8Array): FragmentTrack[] {
  let defaults: Defaults | null = null;
  let baseMediaDecodeTime = 0;
  const tracks: FragmentTrack[] = [];
  for (const box of readBoxes(traf)) {
    if (box.type === "tfhd") defaults = readTrackFragmentHeader(box.body);
    if (box.type === "tfdt") baseMediaDecodeTime = readDecodeTime(box.body);
    if (box.type !== "trun") continue;
    if (defaults === null) throw new BoxError("a trun comes before its tfhd");
    const run = readTrackRun(box.body, defaults);
    tracks.push({ trackId: defaults.trackId, baseMediaDecodeTime, ...run });
    for (const sample of run.samples) baseMediaDecodeTime += sample.duration;
  }
  return tracks;
}

function readTrackFragmentHeader(body: Uint8Array): Defaults {
  const reader = new FieldReader(body);
  const flags = reader.uint32() & 0xffffff;
  const trackId = reader.uint32();
  if (flags & 0x01) reader.uint64(); // base-data-offset
  if (flags & 0x02) reader.uint32(); // sample-description-index
  const duration = flags & 0x08 ? reader.uint32() : 0;
  const size = flags & 0x10 ? reader.uint32() : 0;
  return { trackId, duration, size, flags: flags & 0x20 ? reader.uint32() : 0 };
}

function readDecodeTime(body: Uint8Array): number {
  const reader = new FieldReader(body);
  const version = reader.uint32() >>> 24;
  return version === 0 ? reader.uint32() : reader.uint64();
}

function readTrackRun(
  body: Uint8Array,
  defaults: Defaults,
): { dataOffset: number; samples: FragmentSample[] } {
  const reader = new FieldReader(body);
  const flags = reader.uint32() & 0xffffff;
  const count = reader.uint32();
  if (count > MAX_SAMPLES) throw new BoxError(`a trun claims ${count} samples`);
  const dataOffset = flags & 0x001 ? reader.int32() : 0;
  const firstFlags = flags & 0x004 ? reader.uint32() : null;
  const samples: FragmentSample[] = [];
  for (let index = 0; index < count; index += 1) {
    const duration = flags & 0x100 ? reader.uint32() : defaults.duration;
    const size = flags & 0x200 ? reader.uint32() : defaults.size;
    const own = flags & 0x400 ? reader.uint32() : defaults.flags;
    // Version 0 offsets are unsigned on paper; every writer means them as signed by now.
    const compositionOffset = flags & 0x800 ? reader.int32() : 0;
    const isFirst = index === 0 && firstFlags !== null;
    samples.push({ duration, size, flags: isFirst ? firstFlags : own, compositionOffset });
  }
  return { dataOffset, samples };
}

/** Reads big-endian fields one after the other. @throws BoxError past the end */
export class FieldReader {
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#view = viewOf(bytes);
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }
  uint16(): number {
    return this.#view.getUint16(this.#take(2));
  }
  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }
  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#take(8)));
  }
  skip(bytes: number): void {
    this.#take(bytes);
  }

  #take(bytes: number): number {
    const at = this.#offset;
    if (at + bytes > this.#view.byteLength) {
      throw new BoxError(`a field ends at byte ${at + bytes} of ${this.#view.byteLength}`);
    }
    this.#offset += bytes;
    return at;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function fourCc(bytes: Uint8Array, offset: number): string {
  const at = (index: number) => bytes[offset + index] ?? 0;
  return String.fromCharCode(at(0), at(1), at(2), at(3));
}
