/**
 * The AVC decoder configuration: read from a sequence header, or made of parameter sets.
 * @see ISO/IEC 14496-15 5.3.3.1
 */
import { MAX_PIXELS } from "../media.ts";
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
  const plain = avcC.slice();
  plain[4] = (plain[4] ?? 0) | 3;
  return { avcC: plain, nalLengthBytes, sps: parseSps(spsNals), spsNals, ppsNals };
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
  const sps = parseSps(spsNals);
  const depth = sps.bitDepth - 8;
  const extension = EXTENDED_PROFILES.has(sps.profileIdc)
    ? [0xfc | sps.chromaFormatIdc, 0xf8 | depth, 0xf8 | depth, 0]
    : [];
  const [, profile = 0, compatibility = 0, level = 0] = spsNals[0] ?? [];
  const bytes = Buffer.concat([
    Uint8Array.of(1, profile, compatibility, level, 0xff), // version; lengths of 4 bytes
    Uint8Array.of(0xe0 | spsNals.length),
    ...spsNals.flatMap(withLength),
    Uint8Array.of(ppsNals.length),
    ...ppsNals.flatMap(withLength),
    Uint8Array.from(extension),
  ]);
  return { avcC: new Uint8Array(bytes), nalLengthBytes: 4, sps, spsNals, ppsNals };
}

function withLength(nal: Uint8Array): Uint8Array[] {
  return [Uint8Array.of(nal.length >> 8, nal.length & 0xff), nal];
}

/** The first one, unless another one, which pictures may use as well, is larger than what is decoded. */
function parseSps(spsNals: readonly Uint8Array[]): AvcSps {
  const [first, ...others] = spsNals;
  if (first === undefined) throw new RangeError("there is no SPS");
  const sps = parseAvcSps(first);
  return others.map(parseOrNull).find((one) => one !== null && isOversize(one)) ?? sps;
}

function isOversize({ width, height }: AvcSps): boolean {
  return width * height > MAX_PIXELS;
}

function parseOrNull(nal: Uint8Array): AvcSps | null {
  try {
    return parseAvcSps(nal);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
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
