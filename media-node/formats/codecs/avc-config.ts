/**
 * The AVC decoder configuration of a sequence header, and access units in the form our fMP4 wants.
 * @see ISO/IEC 14496-15 5.3.3.1
 */
import { type AvcSps, parseAvcSps } from "./avc-sps.ts";

export type AvcConfig = {
  readonly avcC: Uint8Array;
  /** Width of the length in front of each NAL unit: 1, 2 or 4 bytes. */
  readonly nalLengthBytes: number;
  readonly sps: AvcSps;
};

/**
 * Reads an AVCDecoderConfigurationRecord.
 * @throws RangeError when it is cut off or holds no SPS
 */
export function parseAvcConfig(avcC: Uint8Array): AvcConfig {
  if (avcC[0] !== 1) throw new RangeError(`AVC configuration version ${avcC[0]}`);
  const view = new DataView(avcC.buffer, avcC.byteOffset, avcC.byteLength);
  const nalLengthBytes = (view.getUint8(4) & 3) + 1;
  if ((view.getUint8(5) & 0x1f) === 0) throw new RangeError("AVC configuration without an SPS");
  const length = view.getUint16(6);
  const nal = avcC.subarray(8, 8 + length);
  if (nal.length < length) throw new RangeError(`SPS cut off: ${nal.length} of ${length} bytes`);
  return { avcC, nalLengthBytes, sps: parseAvcSps(nal) };
}

/** `avcC` saying that lengths are 4 bytes wide: what fits the output of `toFourByteLengths`. */
export function withFourByteLengths(avcC: Uint8Array): Uint8Array {
  const copy = avcC.slice();
  copy[4] = (copy[4] ?? 0) | 3;
  return copy;
}

/**
 * An access unit with each NAL unit behind a 4-byte length; null when its lengths do not add up.
 * Where they are 4 bytes wide already, `data` itself is returned.
 */
export function toFourByteLengths(data: Uint8Array, nalLengthBytes: number): Uint8Array | null {
  const nals = splitNals(data, nalLengthBytes);
  if (nals === null || nalLengthBytes === 4) return nals === null ? null : data;
  const out = new Uint8Array(nals.reduce((sum, nal) => sum + 4 + nal.length, 0));
  const view = new DataView(out.buffer);
  let offset = 0;
  for (const nal of nals) {
    view.setUint32(offset, nal.length);
    out.set(nal, offset + 4);
    offset += 4 + nal.length;
  }
  return out;
}

/** The NAL units of an access unit as views; null when a length points past its end. */
export function splitNals(data: Uint8Array, nalLengthBytes: number): Uint8Array[] | null {
  const nals: Uint8Array[] = [];
  let offset = 0;
  while (offset < data.length) {
    let length = 0;
    for (let i = 0; i < nalLengthBytes; i += 1) length = length * 256 + (data[offset + i] ?? 0);
    offset += nalLengthBytes;
    if (length > data.length - offset) return null;
    nals.push(data.subarray(offset, offset + length));
    offset += length;
  }
  return nals;
}
