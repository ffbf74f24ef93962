/**
 * AMF0 values, decoded within bounds: depth, number of values and every length are checked before
 * anything is allocated.
 * @see AMF 0 specification, Adobe 2007
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

/** A value that can be encoded. */
export type Amf0Input =
  | number
  | boolean
  | string
  | null
  | undefined
  | { readonly [name: string]: Amf0Input };

/** Bytes that are not AMF0, are cut off, or nest deeper or hold more than allowed. */
export class Amf0Error extends Error {
  override readonly name = "Amf0Error";
}

const MARKER = {
  number: 0x00,
  boolean: 0x01,
  string: 0x02,
  object: 0x03,
  null: 0x05,
  undefined: 0x06,
  ecmaArray: 0x08,
  objectEnd: 0x09,
  strictArray: 0x0a,
  date: 0x0b,
  longString: 0x0c,
  xmlDocument: 0x0f,
  typedObject: 0x10,
} as const;

const MAX_DEPTH = 8;
const MAX_VALUES = 1024;

const utf8 = new TextDecoder();
const utf8Encoder = new TextEncoder();

/**
 * All values in `bytes`.
 * @throws Amf0Error when a value is malformed, deeper than 8 levels, or there are more than 1024
 */
export function decodeAmf0(bytes: Uint8Array): Amf0Value[] {
  const reader = new Amf0Reader(bytes);
  const values: Amf0Value[] = [];
  while (!reader.isAtEnd) values.push(reader.readValue());
  return values;
}

/**
 * The first value in `bytes` and how many bytes it takes.
 * @throws Amf0Error as `decodeAmf0`
 */
export function decodeAmf0Value(bytes: Uint8Array): { value: Amf0Value; byteLength: number } {
  const reader = new Amf0Reader(bytes);
  const value = reader.readValue();
  return { value, byteLength: reader.offset };
}

class Amf0Reader {
  offset = 0;
  #values = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.offset >= this.#bytes.byteLength;
  }

  readValue(depth = 0): Amf0Value {
    if (depth > MAX_DEPTH) throw new Amf0Error(`AMF0 nested deeper than ${MAX_DEPTH} levels`);
    this.#values += 1;
    if (this.#values > MAX_VALUES) throw new Amf0Error(`more than ${MAX_VALUES} AMF0 values`);
    const marker = this.#view.getUint8(this.#take(1));
    switch (marker) {
      case MARKER.number:
        return this.#view.getFloat64(this.#take(8));
      case MARKER.boolean:
        return this.#view.getUint8(this.#take(1)) !== 0;
      case MARKER.string:
        return this.#readText(this.#readUint16());
      case MARKER.longString:
      case MARKER.xmlDocument:
        return this.#readText(this.#view.getUint32(this.#take(4)));
      case MARKER.date: {
        const milliseconds = this.#view.getFloat64(this.#take(8));
        this.#take(2); // time zone, reserved
        return milliseconds;
      }
      case MARKER.null:
        return null;
      case MARKER.undefined:
        return undefined;
      case MARKER.typedObject:
        this.#readText(this.#readUint16()); // class name
        return this.#readObject(depth);
      case MARKER.ecmaArray:
        this.#take(4); // a count that encoders get wrong: the end marker decides
        return this.#readObject(depth);
      case MARKER.object:
        return this.#readObject(depth);
      case MARKER.strictArray:
        return this.#readArray(depth);
      default:
        throw new Amf0Error(`unknown AMF0 marker 0x${marker.toString(16)}`);
    }
  }

  #readObject(depth: number): Amf0Object {
    const object = new Map<string, Amf0Value>();
    // Encoders leave the end marker out of the last object: the end of the bytes ends it as well.
    while (!this.isAtEnd) {
      const name = this.#readText(this.#readUint16());
      if (name === "" && this.#bytes[this.offset] === MARKER.objectEnd) {
        this.offset += 1;
        return object;
      }
      object.set(name, this.readValue(depth + 1));
    }
    return object;
  }

  #readArray(depth: number): readonly Amf0Value[] {
    const length = this.#view.getUint32(this.#take(4));
    // Each value takes at least a byte: a longer claim cannot be true.
    if (length > this.#bytes.byteLength - this.offset) {
      throw new Amf0Error(`AMF0 array claims ${length} values`);
    }
    const array: Amf0Value[] = [];
    while (array.length < length) array.push(this.readValue(depth + 1));
    return array;
  }

  #readUint16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  #readText(byteLength: number): string {
    const start = this.#take(byteLength);
    return utf8.decode(this.#bytes.subarray(start, start + byteLength));
  }

  /** Moves past `byteLength` bytes and returns where they start. */
  #take(byteLength: number): number {
    const start = this.offset;
    if (byteLength > this.#bytes.byteLength - start) {
      throw new Amf0Error(`AMF0 value cut off at byte ${start}: ${byteLength} more expected`);
    }
    this.offset = start + byteLength;
    return start;
  }
}

/** `values` one after the other as AMF0. */
export function encodeAmf0(...values: readonly Amf0Input[]): Uint8Array {
  const bytes: number[] = [];
  for (const value of values) encodeValue(bytes, value);
  return Uint8Array.from(bytes);
}

function encodeValue(bytes: number[], value: Amf0Input): void {
  if (value === null) bytes.push(MARKER.null);
  else if (value === undefined) bytes.push(MARKER.undefined);
  else if (typeof value === "boolean") bytes.push(MARKER.boolean, value ? 1 : 0);
  else if (typeof value === "number") bytes.push(MARKER.number, ...float64Bytes(value));
  else if (typeof value === "string") {
    bytes.push(MARKER.string);
    encodeText(bytes, value);
  } else {
    bytes.push(MARKER.object);
    for (const [name, item] of Object.entries(value)) {
      encodeText(bytes, name);
      encodeValue(bytes, item);
    }
    bytes.push(0, 0, MARKER.objectEnd);
  }
}

function encodeText(bytes: number[], text: string): void {
  const encoded = utf8Encoder.encode(text);
  if (encoded.length > 0xffff) throw new Amf0Error(`string of ${encoded.length} bytes`);
  bytes.push(encoded.length >> 8, encoded.length & 0xff, ...encoded);
}

function float64Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}
