/**
 * SPS and PPS within the samples. A rendition's init segment may change on its way: the source returns
 * from another encoder, or stops being copied. ffmpeg's demuxer (and what is built on it) reads only
 * the first one; a decoder takes parameter sets out of the stream just as well.
 */
import { readParameterSets } from "./avc-config.ts";
import { isSlice, joinNals, LENGTH_BYTES, NAL, nalTypeOf, splitNals } from "./nal-units.ts";

/** The parameter sets of `avcC`, each behind a 4-byte length; empty when it is cut off. */
export function parameterSetsOf(avcC: Uint8Array): Uint8Array {
  try {
    const { spsNals, ppsNals } = readParameterSets(avcC);
    return joinNals([...spsNals, ...ppsNals]);
  } catch (error) {
    if (error instanceof RangeError) return new Uint8Array();
    throw error;
  }
}

/** The access unit with `parameterSets` before its picture; as it is when it brings its own. */
export function withParameterSets(data: Uint8Array, parameterSets: Uint8Array): Uint8Array {
  const nals = splitNals(data, LENGTH_BYTES) ?? [];
  if (hasSps(nals)) return data;
  // ISO/IEC 14496-10 7.4.1.2.3: an access unit delimiter is the first NAL unit of its unit.
  const [first] = nals;
  const isDelimited = first !== undefined && nalTypeOf(first) === NAL.delimiter;
  const at = isDelimited ? LENGTH_BYTES + first.length : 0;
  return Buffer.concat([data.subarray(0, at), parameterSets, data.subarray(at)]);
}

/** Whether an SPS stands before the picture. */
function hasSps(nals: readonly Uint8Array[]): boolean {
  const picture = nals.findIndex(isSlice);
  const before = picture === -1 ? nals : nals.slice(0, picture);
  return before.some((nal) => nalTypeOf(nal) === NAL.sps);
}
