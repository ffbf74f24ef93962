/**
 * The bytes that AMF0 and AMF3 are read from: every length is checked before anything is taken, and
 * values are counted, whichever of the two they are written in.
 */

/** One decoded value; objects, ECMA arrays and typed objects all become a `Map`. */
export type Amf0Value =
  | number
  | boolean
  | string
  | null
  | undefined
  | readonly Amf0Value[]
  | Amf0Object;

/** A `Map`, because property names come from the wire: `__proto__` is a name like any other. */
export type Amf0Object = ReadonlyMap<string, Amf0Value>;

/** Bytes that are not AMF, are cut off, or nest deeper or hold more than allowed. */
export class Amf0Error extends Error {
  override readonly name = "Amf0Error";
}

const MAX_DEPTH = 8;
const MAX_VALUES = 1024;

const utf8 = new TextDecoder();

export class AmfBytes {
  offset = 0;
  /** The outermost object that is being read, with what was read of it so far. */
  partial: Amf0Object | null = null;
  #values = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.byteLength - this.offset;
  }

  /** Notes one value more. @throws Amf0Error when it is one too many, or too deep */
  countValue(depth: number): void {
    if (depth > MAX_DEPTH) throw new Amf0Error(`AMF nested deeper than ${MAX_DEPTH} levels`);
    this.#values += 1;
    if (this.#values > MAX_VALUES) throw new Amf0Error(`more than ${MAX_VALUES} AMF values`);
  }

  /** `object`, filled by `read`. */
  fill(object: Map<string, Amf0Value>, read: () => void): Map<string, Amf0Value> {
    const isOutermost = this.partial === null;
    if (isOutermost) this.partial = object;
    read();
    if (isOutermost) this.partial = null;
    return object;
  }

  peekUint8(): number | undefined {
    return this.#bytes[this.offset];
  }

  readUint8(): number {
    return this.#view.getUint8(this.skip(1));
  }

  readUint16(): number {
    return this.#view.getUint16(this.skip(2));
  }

  readUint32(): number {
    return this.#view.getUint32(this.skip(4));
  }

  readFloat64(): number {
    return this.#view.getFloat64(this.skip(8));
  }

  readText(byteLength: number): string {
    const start = this.skip(byteLength);
    return utf8.decode(this.#bytes.subarray(start, start + byteLength));
  }

  /** Moves past `byteLength` bytes and returns where they start. */
  skip(byteLength: number): number {
    const start = this.offset;
    if (byteLength > this.left) {
      throw new Amf0Error(`AMF value cut off at byte ${start}: ${byteLength} more expected`);
    }
    this.offset = start + byteLength;
    return start;
  }
}
