/**
 * The parameter sets in force: from the sequence header, and from the stream, where encoders put new
 * ones when the picture changes.
 */
import {
  type AvcConfig,
  makeAvcConfig,
  type ParameterSets,
  parseAvcConfig,
} from "../formats/codecs/avc-config.ts";
import { BitReader } from "../formats/codecs/bit-reader.ts";
import { NAL, nalTypeOf, removeEmulationPrevention } from "../formats/codecs/nal-units.ts";

/** More sets of a kind than any encoder has. */
const MAX_SETS = 16;
/** One with all its scaling lists has some hundred bytes, a record a few thousand. */
const MAX_SET_BYTES = 8 * 1024;
const MAX_HEADER_BYTES = 128 * 1024;
const SPS_ID_AT = 4;
const PPS_ID_AT = 1;
const ID_BYTES = 8;

export class ParameterSetStore {
  #config: AvcConfig | null = null;
  #headerBytes: Uint8Array | null = null;

  /** Null before there was a whole one. */
  get config(): AvcConfig | null {
    return this.#config;
  }

  /** A sequence header came. Whether it says something new. */
  useHeader(avcC: Uint8Array): boolean {
    if (this.#headerBytes !== null && Buffer.compare(this.#headerBytes, avcC) === 0) return false;
    const config = avcC.length > MAX_HEADER_BYTES ? null : orNull(() => parseAvcConfig(avcC));
    if (config === null) return false;
    this.#headerBytes = avcC;
    const isNew = this.#config === null || !isSameSets(this.#config, config);
    this.#config = config;
    return isNew;
  }

  /** The NAL units of an access unit came. Whether a parameter set among them is new. */
  useStream(nals: readonly Uint8Array[]): boolean {
    const spsNals = setsAmong(nals, NAL.sps);
    const ppsNals = setsAmong(nals, NAL.pps);
    if (spsNals.length === 0 && ppsNals.length === 0) return false;
    const before = this.#config ?? { spsNals: [], ppsNals: [] };
    const next = {
      spsNals: mergeSets(before.spsNals, spsNals, SPS_ID_AT),
      ppsNals: mergeSets(before.ppsNals, ppsNals, PPS_ID_AT),
    };
    if (isSameSets(before, next) || next.ppsNals.length === 0) return false;
    const config = orNull(() => makeAvcConfig(next));
    if (config === null) return false;
    this.#config = { ...config, nalLengthBytes: this.#config?.nalLengthBytes ?? 4 };
    return true;
  }
}

function setsAmong(nals: readonly Uint8Array[], type: number): Uint8Array[] {
  return nals.filter((nal) => nalTypeOf(nal) === type && nal.length <= MAX_SET_BYTES)
    .slice(0, MAX_SETS);
}

/** New sets take the place of those with the same id, and come first: they are what is in force. */
function mergeSets(
  before: readonly Uint8Array[],
  incoming: readonly Uint8Array[],
  idAt: number,
): readonly Uint8Array[] {
  if (incoming.every((nal) => before.some((set) => Buffer.compare(set, nal) === 0))) return before;
  const ids = new Set(incoming.map((nal) => idOf(nal, idAt)));
  // A copy: what came is a view into its tag.
  return [
    ...incoming.map((nal) => nal.slice()),
    ...before.filter((nal) => !ids.has(idOf(nal, idAt))),
  ].slice(0, MAX_SETS);
}

function idOf(nal: Uint8Array, idAt: number): number {
  const start = removeEmulationPrevention(nal.subarray(0, idAt + ID_BYTES)).subarray(idAt);
  return orNull(() => new BitReader(start).unsigned()) ?? 0;
}

function isSameSets(one: ParameterSets, other: ParameterSets): boolean {
  return isSameList(one.spsNals, other.spsNals) && isSameList(one.ppsNals, other.ppsNals);
}

function isSameList(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  return one.length === other.length &&
    one.every((nal, index) => Buffer.compare(nal, other[index] ?? new Uint8Array()) === 0);
}

/** Null for what cannot be read: the track then stays as it is. */
function orNull<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
