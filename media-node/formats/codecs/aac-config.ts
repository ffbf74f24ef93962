/**
 * The AudioSpecificConfig of an AAC sequence header.
 * @see ISO/IEC 14496-3 1.6.2.1
 */
import { BitReader } from "./bit-reader.ts";

export type AacConfig = {
  /** 2 AAC-LC, 5 HE-AAC, 29 HE-AAC v2 … */
  readonly objectType: number;
  /** What comes out of the decoder, spectral band replication included. */
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Of `sampleRateHz`, in one frame: 1024, or 2048 with spectral band replication. */
  readonly samplesPerFrame: number;
  /** RFC 6381, e.g. `mp4a.40.2`. */
  readonly codec: string;
};

const SAMPLE_RATES = [
  96_000,
  88_200,
  64_000,
  48_000,
  44_100,
  32_000,
  24_000,
  22_050,
  16_000,
  12_000,
  11_025,
  8_000,
  7_350,
];
const EXPLICIT_RATE = 15;
const ESCAPE_TYPE = 31;
const SBR = 5;
const PARAMETRIC_STEREO = 29;
const SYNC_EXTENSION = 0x2b7;
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8];
/** Types that begin with a GASpecificConfig, which tells frames of 960 from those of 1024. */
const GENERAL_AUDIO = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]);

/** What any decoder is given, here and elsewhere. @see ISO/IEC 14496-3 table 1.18 */
const [MAX_RATE_HZ = 0] = SAMPLE_RATES;
const MIN_RATE_HZ = SAMPLE_RATES.at(-1) ?? 0;
/** Band replication gives out twice as many samples as the core has, or as many. */
const MAX_REPLICATION = 2;

/**
 * Reads an AudioSpecificConfig.
 * @throws RangeError when it is cut off, or names a sample rate that nothing decodes
 */
export function parseAacConfig(asc: Uint8Array): AacConfig {
  const reader = new BitReader(asc);
  let objectType = readObjectType(reader);
  const coreRateHz = readSampleRate(reader);
  const channelConfig = reader.bits(4);
  const named = objectType;
  let extensionRateHz: number | null = null;
  if (objectType === SBR || objectType === PARAMETRIC_STEREO) {
    extensionRateHz = readSampleRate(reader);
    objectType = readObjectType(reader);
  }
  const isShort = GENERAL_AUDIO.has(objectType) && reader.bitsLeft > 0 && reader.flag();
  extensionRateHz ??= findSyncExtension(asc);
  const sampleRateHz = extensionRateHz ?? coreRateHz;
  const replication = sampleRateHz / coreRateHz;
  if (replication !== 1 && replication !== MAX_REPLICATION) {
    throw new RangeError(`AAC of ${coreRateHz} Hz that gives out ${sampleRateHz} Hz`);
  }
  const coreFrame = isShort ? 960 : 1024;
  const isHighEfficiency = named === SBR || named === PARAMETRIC_STEREO;
  const shown = !isHighEfficiency && extensionRateHz !== null ? SBR : named;
  return {
    objectType: shown,
    sampleRateHz,
    channels: CHANNELS[channelConfig] || 2, // 0: told by the frames, which is stereo in practice
    samplesPerFrame: coreFrame * replication,
    codec: `mp4a.40.${shown}`,
  };
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5);
  return type === ESCAPE_TYPE ? 32 + reader.bits(6) : type;
}

function readSampleRate(reader: BitReader): number {
  const index = reader.bits(4);
  const rateHz = index === EXPLICIT_RATE ? reader.bits(24) : SAMPLE_RATES[index];
  if (rateHz === undefined) throw new RangeError(`AAC sample rate index ${index}`);
  if (rateHz < MIN_RATE_HZ || rateHz > MAX_RATE_HZ) throw new RangeError(`AAC of ${rateHz} Hz`);
  return rateHz;
}

/**
 * Rate of a band replication announced behind a plain AAC-LC configuration (two bytes long, so
 * that old decoders do not see it); null when there is none.
 */
function findSyncExtension(asc: Uint8Array): number | null {
  if (asc.length < 5) return null;
  const reader = new BitReader(asc.subarray(2));
  if (reader.bits(11) !== SYNC_EXTENSION) return null;
  if (readObjectType(reader) !== SBR || !reader.flag()) return null;
  return readSampleRate(reader);
}
