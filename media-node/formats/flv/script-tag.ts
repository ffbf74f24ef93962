/**
 * What is inside a script tag's body: a name and a value, as a rule `onMetaData` and an object.
 * @see Adobe Flash Video File Format Specification 10.1, annex E.4.4
 */
import { type Amf0Value, decodeAmf0Value } from "./amf0.ts";

/** What `onMetaData` says, scalars only. */
export type StreamMetadata = ReadonlyMap<string, number | boolean | string>;

/** A script tag's name and the value behind it, `@setDataFrame` left out; null: not AMF0. */
export function parseScriptTag(body: Uint8Array): { name: string; value: Amf0Value } | null {
  try {
    const stripped = stripSetDataFrame(body);
    const name = decodeAmf0Value(stripped);
    if (typeof name.value !== "string") return null;
    const rest = stripped.subarray(name.byteLength);
    return { name: name.value, value: rest.length === 0 ? undefined : decodeAmf0Value(rest).value };
  } catch {
    return null; // Amf0Error: a script nobody needs is no reason to lose the broadcast
  }
}

/**
 * The body of a script tag as a file has it: without the `@setDataFrame` that publishers put first.
 * @throws Amf0Error when the body is not AMF0
 */
export function stripSetDataFrame(body: Uint8Array): Uint8Array {
  const first = decodeAmf0Value(body);
  return first.value === "@setDataFrame" ? body.subarray(first.byteLength) : body;
}

/** The scalars of an `onMetaData` tag; null when it is another script. */
export function parseMetadata(body: Uint8Array): StreamMetadata | null {
  const script = parseScriptTag(body);
  if (script === null || script.name !== "onMetaData" || !(script.value instanceof Map)) {
    return null;
  }
  const metadata = new Map<string, number | boolean | string>();
  for (const [name, value] of script.value as ReadonlyMap<string, Amf0Value>) {
    if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") {
      metadata.set(name, value);
    }
  }
  return metadata;
}
