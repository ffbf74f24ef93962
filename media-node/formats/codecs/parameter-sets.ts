/**
 * SPS and PPS within the samples. A rendition's init segment may change on its way: the source returns
 * from another encoder, or stops being copied. ffmpeg's demuxer (and what is built on it) reads only
 * the first one; a decoder takes parameter sets out of the stream just as well.
 */
import { splitNals } from "./avc-config.ts";

const SPS = 7;
const DELIMITER = 9;
const FIRST_SLICE = 1;
const LAST_SLICE = 5;
const NAL_TYPE = 0x1f;
const LENGTH_BYTES = 4;
/** Where the SPS count stands in an AVCDecoderConfigurationRecord. */
const SPS_COUNT_AT = 5;

/**
 * The parameter sets of `avcC`, each behind a 4-byte length; empty when it is cut off.
 * @see ISO/IEC 14496-15 5.3.3.1
 */
export function parameterSetsOf(avcC: Uint8Array): Uint8Array {
  const sets: Uint8Array[] = [];
  let offset = SPS_COUNT_AT;
  for (const countMask of [NAL_TYPE, 0xff]) {
    const count = (avcC[offset] ?? 0) & countMask;
    offset += 1;
    for (let index = 0; index < count; index += 1) {
      const length = ((avcC[offset] ?? 0) << 8) | (avcC[offset + 1] ?? 0);
      const set = avcC.subarray(offset + 2, offset + 2 + length);
      if (set.length === 0 || set.length < length) return new Uint8Array();
      sets.push(Uint8Array.of(0, 0, length >> 8, length & 0xff), set);
      offset += 2 + length;
    }
  }
  return new Uint8Array(Buffer.concat(sets));
}

/** The access unit with `parameterSets` before its picture; as it is when it brings its own. */
export function withParameterSets(data: Uint8Array, parameterSets: Uint8Array): Uint8Array {
  const nals = splitNals(data, LENGTH_BYTES) ?? [];
  if (hasSps(nals)) return data;
  // ISO/IEC 14496-10 7.4.1.2.3: an access unit delimiter is the first NAL unit of its unit.
  const [first] = nals;
  const at = first !== undefined && typeOf(first) === DELIMITER ? LENGTH_BYTES + first.length : 0;
  return Buffer.concat([data.subarray(0, at), parameterSets, data.subarray(at)]);
}

/** Whether an SPS stands before the picture. */
function hasSps(nals: readonly Uint8Array[]): boolean {
  const types = nals.map(typeOf);
  const picture = types.findIndex((type) => type >= FIRST_SLICE && type <= LAST_SLICE);
  return types.slice(0, picture === -1 ? types.length : picture).includes(SPS);
}

function typeOf(nal: Uint8Array): number {
  return (nal[0] ?? 0) & NAL_TYPE;
}
