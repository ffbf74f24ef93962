/**
 * AMF3 values as they stand inside AMF0 (behind its marker 0x11), decoded within the bounds that
 * the AMF0 reader keeps.
 * @see AMF 3 specification, Adobe 2013
 */
import { Amf0Error, type Amf0Value, type AmfBytes } from "./amf-bytes.ts";

const MARKER = {
  undefined: 0x00,
  null: 0x01,
  false: 0x02,
  true: 0x03,
  integer: 0x04,
  double: 0x05,
  string: 0x06,
  xmlDocument: 0x07,
  date: 0x08,
  array: 0x09,
  object: 0x0a,
  xml: 0x0b,
  byteArray: 0x0c,
} as const;

/** How an object's properties are written: their names once, then by number. */
type Traits = {
  readonly className: string;
  readonly names: readonly string[];
  readonly isDynamic: boolean;
  readonly isExternal: boolean;
};

/** Flex wraps lists so: one value, and nothing else. */
const WRAPPERS = new Set([
  "flex.messaging.io.ArrayCollection",
  "flex.messaging.io.ObjectProxy",
]);
const INTEGER_BITS = 29;

/**
 * Reads one value. Its references are its own: AMF0 begins anew at each marker 0x11. Objects, arrays
 * with names and wrapped ones become a `Map`; XML and byte arrays are read past and are null.
 * @throws Amf0Error when it is malformed, or of a kind no encoder sends (vectors, dictionaries)
 */
export class Amf3Reader {
  readonly #bytes: AmfBytes;
  readonly #strings: string[] = [];
  readonly #objects: Amf0Value[] = [];
  readonly #traits: Traits[] = [];

  constructor(bytes: AmfBytes) {
    this.#bytes = bytes;
  }

  readValue(depth: number): Amf0Value {
    this.#bytes.countValue(depth);
    const marker = this.#bytes.readUint8();
    switch (marker) {
      case MARKER.undefined:
        return undefined;
      case MARKER.null:
        return null;
      case MARKER.false:
        return false;
      case MARKER.true:
        return true;
      case MARKER.integer:
        return (this.#readU29() << (32 - INTEGER_BITS)) >> (32 - INTEGER_BITS);
      case MARKER.double:
        return this.#bytes.readFloat64();
      case MARKER.string:
        return this.#readString();
      case MARKER.date:
        return this.#readReferable(() => this.#bytes.readFloat64());
      case MARKER.xmlDocument:
      case MARKER.xml:
      case MARKER.byteArray:
        return this.#readReferable((length) => this.#skip(length));
      case MARKER.array:
        return this.#readReferable((length) => this.#readArray(length, depth));
      case MARKER.object:
        return this.#readReferable((flags) => this.#readObject(flags, depth));
      default:
        throw new Amf0Error(`unknown AMF3 marker 0x${marker.toString(16)}`);
    }
  }

  /** Seven bits a byte, eight in a fourth. */
  #readU29(): number {
    let value = 0;
    for (let i = 0; i < 3; i += 1) {
      const byte = this.#bytes.readUint8();
      value = (value << 7) | (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return (value << 8) | this.#bytes.readUint8();
  }

  #readString(): string {
    const header = this.#readU29();
    if ((header & 1) === 0) return this.#strings[header >> 1] ?? "";
    const text = this.#bytes.readText(header >> 1);
    if (text !== "") this.#strings.push(text);
    return text;
  }

  /** A value that later ones may refer to; one that contains itself is null there. */
  #readReferable(read: (header: number) => Amf0Value): Amf0Value {
    const header = this.#readU29();
    if ((header & 1) === 0) return this.#objects[header >> 1] ?? null;
    const at = this.#objects.push(null) - 1;
    const value = read(header >> 1);
    this.#objects[at] = value;
    return value;
  }

  #skip(length: number): null {
    this.#bytes.skip(length);
    return null;
  }

  #readArray(length: number, depth: number): Amf0Value {
    const named = this.#readNamed(new Map(), depth);
    // Each value takes at least a byte: a longer claim cannot be true.
    if (length > this.#bytes.left) throw new Amf0Error(`AMF3 array claims ${length} values`);
    const values: Amf0Value[] = [];
    while (values.length < length) values.push(this.readValue(depth + 1));
    if (named.size === 0) return values;
    values.forEach((value, at) => named.set(String(at), value));
    return named;
  }

  #readObject(flags: number, depth: number): Amf0Value {
    const traits = this.#readTraits(flags);
    if (traits.isExternal) {
      if (WRAPPERS.has(traits.className)) return this.readValue(depth + 1);
      throw new Amf0Error("AMF3 object in a form of its own");
    }
    const object = new Map<string, Amf0Value>();
    return this.#bytes.fill(object, () => {
      for (const name of traits.names) object.set(name, this.readValue(depth + 1));
      if (traits.isDynamic) this.#readNamed(object, depth);
    });
  }

  #readTraits(flags: number): Traits {
    if ((flags & 1) === 0) {
      const known = this.#traits[flags >> 1];
      if (known === undefined) throw new Amf0Error("AMF3 object without its traits");
      return known;
    }
    const count = flags >> 3;
    const className = this.#readString();
    if (count > this.#bytes.left) throw new Amf0Error(`AMF3 object claims ${count} properties`);
    const names: string[] = [];
    while (names.length < count) names.push(this.#readString());
    const isDynamic = (flags & 4) !== 0;
    const traits = { className, names, isDynamic, isExternal: (flags & 2) !== 0 };
    this.#traits.push(traits);
    return traits;
  }

  /** Into `named`: name and value in turn, up to an empty name. */
  #readNamed(named: Map<string, Amf0Value>, depth: number): Map<string, Amf0Value> {
    for (let name = this.#readString(); name !== ""; name = this.#readString()) {
      named.set(name, this.readValue(depth + 1));
    }
    return named;
  }
}
