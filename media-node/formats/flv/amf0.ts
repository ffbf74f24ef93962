/**
 * AMF0 values, decoded within bounds: depth, number of values and every length are checked before
 * anything is allocated.
 * @see AMF 0 specification, Adobe 2007
 */
import { Amf3Reader } from "./amf3.ts";
import { Amf0Error, type Amf0Object, type Amf0Value, AmfBytes } from "./amf-bytes.ts";

export { Amf0Error, type Amf0Object, type Amf0Value };

/** A value that can be encoded. */
export type Amf0Input =
  | number
  | boolean
  | string
  | null
  | undefined
  | { readonly [name: string]: Amf0Input };

const MARKER = {
  number: 0x00,
  boolean: 0x01,
  string: 0x02,
  object: 0x03,
  null: 0x05,
  undefined: 0x06,
  reference: 0x07,
  ecmaArray: 0x08,
  objectEnd: 0x09,
  strictArray: 0x0a,
  date: 0x0b,
  longString: 0x0c,
  unsupported: 0x0d,
  xmlDocument: 0x0f,
  typedObject: 0x10,
  /** One AMF3 value follows. */
  amf3: 0x11,
} as const;

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
 * The first values in `bytes`, `atMost`, as far as they can be read: behind one that cannot, nothing
 * can be told apart. An object cut short holds what came before. Never throws.
 */
export function decodeAmf0Leniently(bytes: Uint8Array, atMost: number): Amf0Value[] {
  const reader = new Amf0Reader(bytes);
  const values: Amf0Value[] = [];
  try {
    while (!reader.isAtEnd && values.length < atMost) values.push(reader.readValue());
  } catch (error) {
    if (!(error instanceof Amf0Error)) throw error;
    if (reader.partial !== null) values.push(reader.partial);
  }
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
  readonly #bytes: AmfBytes;

  constructor(bytes: Uint8Array) {
    this.#bytes = new AmfBytes(bytes);
  }

  get offset(): number {
    return this.#bytes.offset;
  }

  get partial(): Amf0Object | null {
    return this.#bytes.partial;
  }

  get isAtEnd(): boolean {
    return this.#bytes.left === 0;
  }

  readValue(depth = 0): Amf0Value {
    this.#bytes.countValue(depth);
    const marker = this.#bytes.readUint8();
    switch (marker) {
      case MARKER.number:
        return this.#bytes.readFloat64();
      case MARKER.boolean:
        return this.#bytes.readUint8() !== 0;
      case MARKER.string:
        return this.#bytes.readText(this.#bytes.readUint16());
      case MARKER.longString:
      case MARKER.xmlDocument:
        return this.#bytes.readText(this.#bytes.readUint32());
      case MARKER.date: {
        const milliseconds = this.#bytes.readFloat64();
        this.#bytes.skip(2); // time zone, reserved
        return milliseconds;
      }
      case MARKER.null:
        return null;
      case MARKER.undefined:
      case MARKER.unsupported:
        return undefined;
      case MARKER.reference:
        this.#bytes.skip(2); // to an object before it: nothing we need is written twice
        return undefined;
      case MARKER.typedObject:
        this.#bytes.readText(this.#bytes.readUint16()); // class name
        return this.#readObject(depth);
      case MARKER.ecmaArray:
        this.#bytes.skip(4); // a count that encoders get wrong: the end marker decides
        return this.#readObject(depth);
      case MARKER.object:
        return this.#readObject(depth);
      case MARKER.strictArray:
        return this.#readArray(depth);
      case MARKER.amf3:
        return new Amf3Reader(this.#bytes).readValue(depth + 1);
      default:
        throw new Amf0Error(`unknown AMF0 marker 0x${marker.toString(16)}`);
    }
  }

  #readObject(depth: number): Amf0Object {
    const object = new Map<string, Amf0Value>();
    return this.#bytes.fill(object, () => {
      // Encoders leave the end marker out of the last object: the end of the bytes ends it as well.
      while (!this.isAtEnd) {
        const name = this.#bytes.readText(this.#bytes.readUint16());
        if (name === "" && this.#bytes.peekUint8() === MARKER.objectEnd) {
          this.#bytes.skip(1);
          return;
        }
        object.set(name, this.readValue(depth + 1));
      }
    });
  }

  #readArray(depth: number): readonly Amf0Value[] {
    const length = this.#bytes.readUint32();
    // Each value takes at least a byte: a longer claim cannot be true.
    if (length > this.#bytes.left) throw new Amf0Error(`AMF0 array claims ${length} values`);
    const array: Amf0Value[] = [];
    while (array.length < length) array.push(this.readValue(depth + 1));
    return array;
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
