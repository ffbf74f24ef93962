/**
 * RFC 6381 codec strings from decoder configurations.
 */
import { BoxError, FieldReader } from "./boxes.ts";

/** `avc1.PPCCLL` of an AVCDecoderConfigurationRecord. @throws BoxError @see ISO/IEC 14496-15 5.3.3.1 */
export function avcCodecOf(avcC: Uint8Array): string {
  const [version, profile, compatibility, level] = avcC;
  if (version !== 1 || profile === undefined || compatibility === undefined) {
    throw new BoxError("the avcC is not a version 1 decoder configuration");
  }
  if (level === undefined) throw new BoxError("the avcC is cut off");
  return `avc1.${[profile, compatibility, level].map((byte) => hex(byte)).join("")}`;
}

/** `mp4a.40.N` of an AudioSpecificConfig. @throws BoxError @see ISO/IEC 14496-3 1.6.2.1 */
export function aacCodecOf(asc: Uint8Array): string {
  const reader = new FieldReader(asc);
  const first = reader.uint8();
  const short = first >> 3;
  // 31 escapes to six more bits, over the rest of this byte and the start of the next.
  if (short !== 31) return `mp4a.40.${short}`;
  return `mp4a.40.${32 + ((first & 0x07) << 3) + (reader.uint8() >> 5)}`;
}

/** The codec string of an `esds` body: its object type, and for MPEG-4 audio the AOT. @throws BoxError */
export function codecOfEsds(esds: Uint8Array): string {
  const { objectType, config } = readEsds(esds);
  return objectType === 0x40 ? aacCodecOf(config) : `mp4a.${hex(objectType)}`;
}

/** What an `esds` body says: the kind of audio, and what its decoder must know. @throws BoxError */
export function readEsds(esds: Uint8Array): { objectType: number; config: Uint8Array } {
  const reader = new FieldReader(esds);
  reader.uint32(); // version and flags
  let objectType = 0;
  for (;;) {
    const tag = reader.uint8();
    const length = readDescriptorLength(reader);
    if (tag === 0x03) readEsHeader(reader);
    else if (tag === 0x04) {
      objectType = reader.uint8();
      reader.skip(12); // stream type, buffer size, maximum and average bitrate
    } else if (tag === 0x05) {
      const config = Uint8Array.from({ length: Math.min(length, 64) }, () => reader.uint8());
      return { objectType, config };
    } else reader.skip(length);
  }
}

function readEsHeader(reader: FieldReader): void {
  reader.uint16(); // ES_ID
  const flags = reader.uint8();
  if (flags & 0x80) reader.uint16(); // dependsOn_ES_ID
  if (flags & 0x40) reader.skip(reader.uint8()); // URL
  if (flags & 0x20) reader.uint16(); // OCR_ES_Id
}

function readDescriptorLength(reader: FieldReader): number {
  let length = 0;
  for (let index = 0; index < 4; index += 1) {
    const byte = reader.uint8();
    length = (length << 7) | (byte & 0x7f);
    if ((byte & 0x80) === 0) break;
  }
  return length;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
