/**
 * Splits a stream of bytes from our own ffmpeg into FLV tags.
 * @see Adobe Flash Video File Format Specification 10.1, annex E
 */
import type { FlvTag } from "./flv-tag.ts";

const FILE_HEADER_BYTES = 9 + 4;
const TAG_HEADER_BYTES = 11;
const TYPES: Readonly<Record<number, FlvTag["type"]>> = { 8: "audio", 9: "video", 18: "script" };

/** The bytes are no FLV: whoever wrote them is out of order. */
export class FlvError extends Error {
  override readonly name = "FlvError";
}

/** Feed it bytes in any portions; it calls back once per complete tag. */
export class FlvReader {
  readonly #onTag: (tag: FlvTag) => void;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #wanted = FILE_HEADER_BYTES;
  #isHeaderRead = false;

  constructor(onTag: (tag: FlvTag) => void) {
    this.#onTag = onTag;
  }

  /** @throws FlvError */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#wanted) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (let used = this.#take(rest); used > 0; used = this.#take(rest)) rest = rest.subarray(used);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
  }

  /** Reads one item from the start of `bytes`; 0 when more is `#wanted`. */
  #take(bytes: Uint8Array): number {
    if (!this.#isHeaderRead) return this.#takeFileHeader(bytes);
    this.#wanted = TAG_HEADER_BYTES;
    if (bytes.length < this.#wanted) return 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const bodyBytes = view.getUint32(0) & 0xffffff;
    this.#wanted = TAG_HEADER_BYTES + bodyBytes + 4;
    if (bytes.length < this.#wanted) return 0;
    const type = TYPES[view.getUint8(0)];
    if (type === undefined) throw new FlvError(`unknown FLV tag type ${view.getUint8(0)}`);
    const dtsMs = (view.getUint32(4) >>> 8) | (view.getUint8(7) << 24);
    // A copy (a Buffer's slice is none): the tag outlives the larger chunk it arrived in.
    const body = new Uint8Array(bytes.subarray(TAG_HEADER_BYTES, TAG_HEADER_BYTES + bodyBytes));
    this.#onTag({ type, dtsMs, body });
    return this.#wanted;
  }

  #takeFileHeader(bytes: Uint8Array): number {
    if (bytes.length < FILE_HEADER_BYTES) return 0;
    if (bytes[0] !== 0x46 || bytes[1] !== 0x4c || bytes[2] !== 0x56) throw new FlvError("not FLV");
    this.#isHeaderRead = true;
    return FILE_HEADER_BYTES;
  }
}
