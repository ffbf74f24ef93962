/**
 * What an image file says about itself: format and size from its first bytes, without decoding.
 * Pure and free of native code, so that the API can refuse an upload on any runtime.
 */

export type ImageFormat = "jpeg" | "png" | "webp" | "gif" | "avif";

/** Size as stored: an EXIF orientation may swap the sides later. */
export type ImageHeader = {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
};

/** As many bytes from the start are enough for every file of a camera or an editor. */
export const SNIFF_BYTES = 256 * 1024;

type Reader = (view: DataView) => Omit<ImageHeader, "format"> | null;

/**
 * Format and size of the image that starts with `bytes`, or null when it is none that Sluice accepts
 * (jpeg, png, webp, gif, avif), when the header is damaged or lies beyond the bytes given.
 */
export function sniffImage(bytes: Uint8Array): ImageHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = sniffFormat(view);
  if (format === null) return null;
  try {
    const size = READERS[format](view);
    return size === null || size.width === 0 || size.height === 0 ? null : { format, ...size };
  } catch (error) {
    // A DataView throws RangeError past its end: the header is cut short.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const READERS: Readonly<Record<ImageFormat, Reader>> = {
  png: readPng,
  gif: (view) => ({ width: view.getUint16(6, true), height: view.getUint16(8, true) }),
  jpeg: readJpeg,
  webp: readWebp,
  avif: readAvif,
};

function sniffFormat(view: DataView): ImageFormat | null {
  if (view.byteLength < 12) return null;
  if (view.getUint32(0) === 0x89504e47 && view.getUint32(4) === 0x0d0a1a0a) return "png";
  if (view.getUint16(0) === 0xffd8 && view.getUint8(2) === 0xff) return "jpeg";
  const start = ascii(view, 0, 6);
  if (start === "GIF87a" || start === "GIF89a") return "gif";
  if (start.startsWith("RIFF") && ascii(view, 8, 4) === "WEBP") return "webp";
  if (ascii(view, 4, 4) === "ftyp" && isAvifBrand(view)) return "avif";
  return null;
}

function ascii(view: DataView, offset: number, length: number): string {
  let text = "";
  for (let index = 0; index < length; index += 1) {
    text += String.fromCharCode(view.getUint8(offset + index));
  }
  return text;
}

/** PNG 3rd ed. 11.2.1: IHDR comes first. */
function readPng(view: DataView): ReturnType<Reader> {
  if (ascii(view, 12, 4) !== "IHDR") return null;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** ITU-T T.81 B.1.1: walks the marker segments to the frame header. */
function readJpeg(view: DataView): ReturnType<Reader> {
  let offset = 2;
  for (;;) {
    if (view.getUint8(offset) !== 0xff) return null;
    const marker = view.getUint8(offset + 1);
    if (marker === 0xff) { // fill byte
      offset += 1;
      continue;
    }
    // SOF0…SOF15 without DHT (c4), JPG (c8) and DAC (cc)
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { width: view.getUint16(offset + 7), height: view.getUint16(offset + 5) };
    }
    // A scan (SOS) or the end (EOI) before any frame header.
    if (marker === 0xda || marker === 0xd9) return null;
    const length = view.getUint16(offset + 2);
    if (length < 2) return null;
    offset += 2 + length;
  }
}

/** RFC 9649 section 2: VP8 (lossy), VP8L (lossless) or VP8X (extended). */
function readWebp(view: DataView): ReturnType<Reader> {
  switch (ascii(view, 12, 4)) {
    case "VP8 ":
      if (view.getUint8(23) !== 0x9d || view.getUint16(24) !== 0x012a) return null;
      return {
        width: view.getUint16(26, true) & 0x3fff,
        height: view.getUint16(28, true) & 0x3fff,
      };
    case "VP8L": {
      if (view.getUint8(20) !== 0x2f) return null;
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8X":
      return { width: uint24(view, 24) + 1, height: uint24(view, 27) + 1 };
    default:
      return null;
  }
}

function uint24(view: DataView, offset: number): number {
  return view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16);
}

/** AVIF 4.1: brand `avif` (or `avis` for a sequence), as the major one or among the compatible. */
function isAvifBrand(view: DataView): boolean {
  const end = Math.min(view.getUint32(0), view.byteLength - 3, 512);
  for (let offset = 8; offset < end; offset += 4) {
    if (offset !== 12 && ["avif", "avis"].includes(ascii(view, offset, 4))) return true;
  }
  return false;
}

type Span = { readonly start: number; readonly end: number };

/** ISO 14496-12: the span of the content of every box named `name` in `span`; at most 64 boxes. */
function boxesNamed(view: DataView, span: Span, name: string): Span[] {
  const found: Span[] = [];
  for (let offset = span.start, count = 0; offset + 8 <= span.end && count < 64; count += 1) {
    const bytes = view.getUint32(offset);
    // 0 (to the end of the file) and 1 (64-bit size) are for `mdat`, which comes after `meta`.
    if (bytes < 8) break;
    const end = Math.min(offset + bytes, span.end);
    if (ascii(view, offset + 4, 4) === name) found.push({ start: offset + 8, end });
    offset = end;
  }
  return found;
}

/** ISO 23008-12 6.5.3: the largest `ispe` under meta/iprp/ipco; a grid lists its tiles' sizes too. */
function readAvif(view: DataView): ReturnType<Reader> {
  const file = { start: 0, end: view.byteLength };
  const boxes = boxesNamed(view, file, "meta")
    .map((meta) => ({ start: meta.start + 4, end: meta.end }))
    .flatMap((meta) => boxesNamed(view, meta, "iprp"))
    .flatMap((properties) => boxesNamed(view, properties, "ipco"))
    .flatMap((container) => boxesNamed(view, container, "ispe"));
  let largest: ReturnType<Reader> = null;
  for (const { start } of boxes) {
    const size = { width: view.getUint32(start + 4), height: view.getUint32(start + 8) };
    if (largest === null || size.width * size.height > largest.width * largest.height) {
      largest = size;
    }
  }
  return largest;
}
