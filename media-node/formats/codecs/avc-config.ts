/**
 * The AVC decoder configuration: read from a sequence header, or made of parameter sets.
 * @see ISO/IEC 14496-15 5.3.3.1
 */
import { type AvcSps, parseAvcSps } from "./avc-sps.ts";

export type AvcConfig = {
  /** The record, saying that lengths are 4 bytes wide. */
  readonly avcC: Uint8Array;
  /** Width of the length in front of each NAL unit as the sender said it: 1, 2 or 4 bytes. */
  readonly nalLengthBytes: number;
  readonly sps: AvcSps;
  /** The parameter sets as NAL units. */
  readonly spsNals: readonly Uint8Array[];
  readonly ppsNals: readonly Uint8Array[];
};

/** Where the SPS count stands in the record. */
const SPS_COUNT_AT = 5;
const SPS_COUNT_MASK = 0x1f;
/** Profiles whose record ends with chroma format and bit depths. */
const EXTENDED_PROFILES = new Set([100, 110, 122, 144]);

/**
 * Reads an AVCDecoderConfigurationRecord.
 * @throws RangeError when it is cut off or holds no SPS
 */
export function parseAvcConfig(avcC: Uint8Array): AvcConfig {
  if (avcC[0] !== 1) throw new RangeError(`AVC configuration version ${avcC[0]}`);
  const nalLengthBytes = ((avcC[4] ?? 3) & 3) + 1;
  const { spsNals, ppsNals } = readParameterSets(avcC);
  const [first] = spsNals;
  if (first === undefined) throw new RangeError("AVC configuration without an SPS");
  const plain = avcC.slice();
  plain[4] = (plain[4] ?? 0) | 3;
  return { avcC: plain, nalLengthBytes, sps: parseAvcSps(first), spsNals, ppsNals };
}

export type ParameterSets = Pick<AvcConfig, "spsNals" | "ppsNals">;

/** The parameter sets of the record as they stand there. @throws RangeError when one is cut off */
export function readParameterSets(avcC: Uint8Array): ParameterSets {
  const sps = readSets(avcC, SPS_COUNT_AT, SPS_COUNT_MASK);
  return { spsNals: sps.nals, ppsNals: readSets(avcC, sps.end, 0xff).nals };
}

/**
 * The configuration of a stream that brings its parameter sets along.
 * @throws RangeError when there is no SPS, or it cannot be read
 */
export function makeAvcConfig({ spsNals, ppsNals }: ParameterSets): AvcConfig {
  const [first] = spsNals;
  if (first === undefined) throw new RangeError("there is no SPS");
  const sps = parseAvcSps(first);
  const depth = sps.bitDepth - 8;
  const bytes = [
    1, // configurationVersion
    ...first.subarray(1, 4), // profile, compatibility, level
    0xff, // lengths of 4 bytes
    0xe0 | spsNals.length,
    ...spsNals.flatMap(withLength),
    ppsNals.length,
    ...ppsNals.flatMap(withLength),
  ];
  if (EXTENDED_PROFILES.has(sps.profileIdc)) {
    bytes.push(0xfc | sps.chromaFormatIdc, 0xf8 | depth, 0xf8 | depth, 0);
  }
  return { avcC: Uint8Array.from(bytes), nalLengthBytes: 4, sps, spsNals, ppsNals };
}

function withLength(nal: Uint8Array): number[] {
  return [nal.length >> 8, nal.length & 0xff, ...nal];
}

type Sets = { readonly nals: Uint8Array[]; readonly end: number };

/** The parameter sets whose count stands at `start`. @throws RangeError when one is cut off */
function readSets(avcC: Uint8Array, start: number, countMask: number): Sets {
  const nals: Uint8Array[] = [];
  const count = (avcC[start] ?? 0) & countMask;
  let offset = start + 1;
  for (let index = 0; index < count; index += 1) {
    const length = ((avcC[offset] ?? 0) << 8) | (avcC[offset + 1] ?? 0);
    const nal = avcC.subarray(offset + 2, offset + 2 + length);
    if (nal.length === 0 || nal.length < length) {
      throw new RangeError(`parameter set cut off: ${nal.length} of ${length} bytes`);
    }
    nals.push(nal);
    offset += 2 + length;
  }
  return { nals, end: offset };
}
