/**
 * What the supplemental enhancement information of an access unit says: whether decoding can begin
 * here, and whether there are captions.
 * @see ITU-T H.264 7.3.2.3.1 and annex D, ANSI/SCTE 128-1 8.1
 */
import { BitReader } from "./bit-reader.ts";
import { removeEmulationPrevention } from "./nal-units.ts";

export type SeiFacts = {
  /** Pictures until all is right when decoding begins here; null: it does not say. */
  readonly recoveryFrames: number | null;
  /** CEA-608 or CEA-708 captions. */
  readonly hasCaptions: boolean;
};

const RECOVERY_POINT = 6;
const USER_DATA_ITU_T_T35 = 4;
/** country_code USA, provider_code ATSC, user_identifier "GA94", user_data_type_code cc_data. */
const CAPTIONS = [0xb5, 0x00, 0x31, 0x47, 0x41, 0x39, 0x34, 0x03] as const;

/** Reads an SEI NAL unit; what is cut off is left out. */
export function readSei(nal: Uint8Array): SeiFacts {
  const bytes = removeEmulationPrevention(nal.subarray(1));
  let recoveryFrames: number | null = null;
  let hasCaptions = false;
  for (let at = 0; at + 2 < bytes.length;) {
    const type = readCoded(bytes, at);
    const size = readCoded(bytes, type.end);
    const payload = bytes.subarray(size.end, size.end + size.value);
    if (type.value === RECOVERY_POINT) recoveryFrames = readRecoveryFrames(payload);
    else if (type.value === USER_DATA_ITU_T_T35) {
      hasCaptions ||= CAPTIONS.every((byte, index) => payload[index] === byte);
    }
    at = size.end + size.value;
  }
  return { recoveryFrames, hasCaptions };
}

/** A number in bytes that are added up as long as they are 255. */
function readCoded(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  let at = start;
  while (bytes[at] === 0xff) {
    value += 0xff;
    at += 1;
  }
  return { value: value + (bytes[at] ?? 0), end: at + 1 };
}

function readRecoveryFrames(payload: Uint8Array): number | null {
  try {
    return new BitReader(payload).unsigned();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
