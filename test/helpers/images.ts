/**
 * Image files made by hand, byte by byte, for what no encoder would write.
 */
import { crc32, deflateSync } from "node:zlib";

/** One PNG chunk: length, type, data, CRC. */
export function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const chunk = new Uint8Array(12 + data.length);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  chunk.set(new TextEncoder().encode(type), 4);
  chunk.set(data, 8);
  view.setUint32(8 + data.length, crc32(chunk.subarray(4, 8 + data.length)));
  return chunk;
}

export type PngOptions = {
  readonly width: number;
  readonly height: number;
  readonly bitDepth?: 1 | 8;
  /** 0 grey (default), 2 RGB, 6 RGBA. */
  readonly colourType?: 0 | 2 | 6;
  /** Chunks between IHDR and IDAT. */
  readonly extra?: readonly Uint8Array[];
  /** Bytes of uncompressed pixel data, all zero. Default: none. */
  readonly pixelBytes?: number;
};

/** A PNG that claims what `options` says, whatever its pixel data hold. */
export function makePng(options: PngOptions): Uint8Array {
  const { width, height, bitDepth = 8, colourType = 0, extra = [], pixelBytes = 0 } = options;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = bitDepth;
  header[9] = colourType;
  return concatBytes([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    pngChunk("IHDR", header),
    ...extra,
    pngChunk("IDAT", deflateSync(new Uint8Array(pixelBytes), { level: 1 })),
    pngChunk("IEND", new Uint8Array()),
  ]);
}

/** A compressed ancillary chunk (`zTXt`, `iCCP`) that unpacks to `unpackedBytes` zeros. */
export function makePngBomb(type: "zTXt" | "iCCP", unpackedBytes: number): Uint8Array {
  const name = new TextEncoder().encode("bomb\0\0"); // keyword, its end, compression method
  const packed = deflateSync(new Uint8Array(unpackedBytes), { level: 9 });
  return pngChunk(type, concatBytes([name, packed]));
}

/** All `parts`, one after the other. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
