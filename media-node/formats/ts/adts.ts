/**
 * ADTS: AAC frames that each say how they are decoded.
 * @see ISO/IEC 13818-7 6.2
 */
import { BoxError } from "../mp4/boxes.ts";

const HEADER_BYTES = 7;
/** AAC-LC: what ADTS calls the core of HE-AAC, too. */
const LOW_COMPLEXITY = 2;
const MAX_ADTS_TYPE = 4;
const EXPLICIT_RATE = 15;

/** The header of a frame of `bytes` bytes that `asc` describes. @throws BoxError when ADTS cannot say it */
export function adtsHeaderOf(asc: Uint8Array, bytes: number): Uint8Array {
  const [first = 0, second = 0] = asc;
  const objectType = first >> 3;
  const rateIndex = ((first & 7) << 1) | (second >> 7);
  const channels = (second >> 3) & 0x0f;
  if (rateIndex === EXPLICIT_RATE) throw new BoxError("ADTS has no word for this sample rate");
  const profile = (objectType > MAX_ADTS_TYPE ? LOW_COMPLEXITY : objectType) - 1;
  const length = HEADER_BYTES + bytes;
  return Uint8Array.of(
    0xff,
    0xf1, // MPEG-4, no checksum
    (profile << 6) | (rateIndex << 2) | (channels >> 2),
    ((channels & 3) << 6) | (length >> 11),
    (length >> 3) & 0xff,
    ((length & 7) << 5) | 0x1f, // buffer fullness: variable rate
    0xfc,
  );
}
