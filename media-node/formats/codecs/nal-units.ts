/**
 * H.264 access units as NAL units: taken apart however they are framed, put together one way.
 * @see ITU-T H.264 7.3.1 and annex B, ISO/IEC 14496-15 5.3.2
 */

/** NAL unit types. @see ITU-T H.264 table 7-1 */
export const NAL = { slice: 1, idr: 5, sei: 6, sps: 7, pps: 8, delimiter: 9 } as const;

const LAST_SLICE_TYPE = NAL.idr;
const TYPE_MASK = 0x1f;
/** Slices of 1500 bytes make 5000 of the largest picture; more are somebody's joke. */
export const MAX_NALS = 6000;
/** Width of the length in front of each NAL unit, as we write it. */
export const LENGTH_BYTES = 4;

export function nalTypeOf(nal: Uint8Array): number {
  return (nal[0] ?? 0) & TYPE_MASK;
}

/** Whether it is a part of a picture. */
export function isSlice(nal: Uint8Array): boolean {
  const type = nalTypeOf(nal);
  return type >= NAL.slice && type <= LAST_SLICE_TYPE;
}

/** Whether it is a picture's first slice: `first_mb_in_slice`, the header's first field, is 0. */
export function beginsPicture(nal: Uint8Array): boolean {
  return isSlice(nal) && ((nal[1] ?? 0) & 0x80) !== 0;
}

/** The NAL units of an access unit as views; null: a length points past its end, or there are too many. */
export function splitNals(data: Uint8Array, lengthBytes: number): Uint8Array[] | null {
  const nals: Uint8Array[] = [];
  let offset = 0;
  while (offset < data.length) {
    let length = 0;
    for (let i = 0; i < lengthBytes; i += 1) length = length * 256 + (data[offset + i] ?? 0);
    offset += lengthBytes;
    if (length === 0 || length > data.length - offset || nals.length === MAX_NALS) return null;
    nals.push(data.subarray(offset, offset + length));
    offset += length;
  }
  return nals;
}

/** Whether a start code stands at the head: 00 00 01 or 00 00 00 01. */
function hasStartCode(data: Uint8Array): boolean {
  if (data[0] !== 0 || data[1] !== 0) return false;
  return data[2] === 1 || (data[2] === 0 && data[3] === 1);
}

/** The NAL units between start codes, as views; null: there are too many. */
export function splitByteStream(data: Uint8Array): Uint8Array[] | null {
  const nals: Uint8Array[] = [];
  let start = -1;
  for (let at = 0; at + 2 < data.length;) {
    // The third byte tells how far the next start code is away at least.
    const third = data[at + 2] ?? 0;
    if (third > 1) at += 3;
    else if (third === 1 && data[at] === 0 && data[at + 1] === 0) {
      if (start >= 0) pushTrimmed(nals, data.subarray(start, at));
      if (nals.length === MAX_NALS) return null;
      at += 3;
      start = at;
    } else at += 1;
  }
  if (start >= 0) pushTrimmed(nals, data.subarray(start));
  return nals;
}

/** Zeros behind a NAL unit belong to the byte stream. */
function pushTrimmed(nals: Uint8Array[], nal: Uint8Array): void {
  let end = nal.length;
  while (end > 0 && nal[end - 1] === 0) end -= 1;
  if (end > 0) nals.push(nal.subarray(0, end));
}

export type SplitUnit = {
  readonly nals: readonly Uint8Array[];
  /** The bytes are framed as we write them: they can be handed on as they are. */
  readonly isPlain: boolean;
};

/**
 * The NAL units of `data`, framed as `lengthBytes` says, or as a byte stream, or with lengths of
 * another width: encoders do not always do as their configuration says. Null: none of them fits.
 */
export function readNals(data: Uint8Array, lengthBytes: number): SplitUnit | null {
  // 00 00 00 01 is a start code before it is a NAL unit of a single byte.
  const isStream = hasStartCode(data) && data[2] === 0;
  const widths = isStream ? [] : [lengthBytes, LENGTH_BYTES];
  for (const width of widths) {
    const nals = splitNals(data, width);
    if (nals !== null) return { nals, isPlain: width === LENGTH_BYTES };
  }
  if (hasStartCode(data)) {
    const nals = splitByteStream(data);
    return nals === null ? null : { nals, isPlain: false };
  }
  for (const width of [2, 1]) {
    const nals = splitNals(data, width);
    if (nals !== null) return { nals, isPlain: false };
  }
  return null;
}

/** `nals` as one access unit, each behind a 4-byte length. */
export function joinNals(nals: readonly Uint8Array[]): Uint8Array {
  const unit = new Uint8Array(nals.reduce((sum, nal) => sum + LENGTH_BYTES + nal.length, 0));
  const view = new DataView(unit.buffer);
  let offset = 0;
  for (const nal of nals) {
    view.setUint32(offset, nal.length);
    unit.set(nal, offset + LENGTH_BYTES);
    offset += LENGTH_BYTES + nal.length;
  }
  return unit;
}

/** 00 00 03 → 00 00. @see ITU-T H.264 7.4.1.1 */
export function removeEmulationPrevention(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}
