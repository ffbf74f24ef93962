/**
 * Many JPEGs of one size and with the same tables, one below the other in one image, without decoding
 * any: a restart marker between two pictures lets the next one begin as if it stood alone.
 * @see ITU-T T.81, annex B
 */

/** What the scan of a JPEG is, and what comes before it. */
export type SplitJpeg = {
  /** Everything up to the scan: the size and the tables. Equal heads can be stacked. */
  readonly head: Uint8Array;
  /** The coded picture, without the end of the image. */
  readonly scan: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** How many blocks of pixels the picture has, and how many lines they cover. */
  readonly units: number;
  readonly codedHeight: number;
};

const MARKER = 0xff;
const START_OF_IMAGE = 0xd8;
const END_OF_IMAGE = 0xd9;
const BASELINE_FRAME = 0xc0;
const START_OF_SCAN = 0xda;
const RESTART_INTERVAL = 0xdd;
const FIRST_RESTART = 0xd0;
const RESTARTS = 8;
/** Of a block's side, in pixels of its component. */
const BLOCK = 8;
const MAX_SIDE = 0xffff;

/** Null for what is no baseline JPEG of one scan, or has restart markers of its own. */
export function splitJpeg(jpeg: Uint8Array): SplitJpeg | null {
  if (jpeg[0] !== MARKER || jpeg[1] !== START_OF_IMAGE) return null;
  if (jpeg.at(-2) !== MARKER || jpeg.at(-1) !== END_OF_IMAGE) return null;
  let frame: Uint8Array | null = null;
  for (let at = 2; at + 4 <= jpeg.length;) {
    const type = jpeg[at + 1] ?? 0;
    const end = at + 2 + readUint16(jpeg, at + 2);
    if (jpeg[at] !== MARKER || type === RESTART_INTERVAL || end > jpeg.length) return null;
    if (type === BASELINE_FRAME) frame = jpeg.subarray(at + 4, end);
    if (type === START_OF_SCAN) return frame && describe(jpeg, frame, end);
    at = end;
  }
  return null;
}

function describe(jpeg: Uint8Array, frame: Uint8Array, scanAt: number): SplitJpeg | null {
  const scan = jpeg.subarray(scanAt, jpeg.length - 2);
  const height = readUint16(frame, 1);
  const width = readUint16(frame, 3);
  const components = frame[5] ?? 0;
  if (width === 0 || height === 0 || frame.length !== 6 + 3 * components) return null;
  if (hasMarker(scan)) return null;
  const samplings = Array.from({ length: components }, (_, n) => frame[7 + 3 * n] ?? 0);
  const unitWidth = BLOCK * Math.max(...samplings.map((sampling) => sampling >> 4));
  const unitHeight = BLOCK * Math.max(...samplings.map((sampling) => sampling & 0xf));
  const rows = Math.ceil(height / unitHeight);
  const units = rows * Math.ceil(width / unitWidth);
  const codedHeight = rows * unitHeight;
  return { head: jpeg.subarray(0, scanAt), scan, width, height, units, codedHeight };
}

/** Whether one can be stacked on the other. */
export function isAlike(one: SplitJpeg, other: SplitJpeg): boolean {
  return Buffer.compare(one.head, other.head) === 0;
}

/**
 * `pictures` (alike, at least one) from top to bottom, each `codedHeight` below the one before.
 * @throws RangeError when they are more than an image can hold
 */
export function stackJpegs(pictures: readonly SplitJpeg[]): Uint8Array<ArrayBuffer> {
  const [first] = pictures;
  if (first === undefined) throw new RangeError("there are no pictures");
  const height = first.codedHeight * pictures.length;
  if (height > MAX_SIDE || first.units > MAX_SIDE) {
    throw new RangeError(`${pictures.length} pictures of ${first.codedHeight} lines are too many`);
  }
  const parts = pictures.flatMap(({ scan }, index) =>
    index === 0 ? [scan] : [Uint8Array.of(MARKER, FIRST_RESTART + (index - 1) % RESTARTS), scan]
  );
  return new Uint8Array(Buffer.concat([
    Uint8Array.of(MARKER, START_OF_IMAGE),
    Uint8Array.of(MARKER, RESTART_INTERVAL, 0, 4, ...uint16(first.units)),
    withHeight(first.head, height).subarray(2),
    ...parts,
    Uint8Array.of(MARKER, END_OF_IMAGE),
  ]));
}

function withHeight(head: Uint8Array, height: number): Uint8Array {
  const copy = Uint8Array.from(head);
  for (let at = 2; at + 4 <= copy.length; at += 2 + readUint16(copy, at + 2)) {
    if (copy[at + 1] === BASELINE_FRAME) copy.set(uint16(height), at + 5);
  }
  return copy;
}

/** In a scan the byte of a marker is followed by a zero where it is none. */
function hasMarker(scan: Uint8Array): boolean {
  for (let at = scan.indexOf(MARKER); at >= 0; at = scan.indexOf(MARKER, at + 1)) {
    if (scan[at + 1] !== 0) return true;
  }
  return false;
}

function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

const uint16 = (value: number) => [value >> 8, value & 0xff];
