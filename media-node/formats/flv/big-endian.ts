/**
 * Numbers of FLV as it writes them, most significant byte first; bytes past the end read as 0.
 */

export function readUint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

export function readUint24(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 16) | readUint16(bytes, offset + 1);
}

export function readInt24(bytes: Uint8Array, offset: number): number {
  return (readUint24(bytes, offset) << 8) >> 8;
}
