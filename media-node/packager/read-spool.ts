/**
 * Reads what a killed process left in its spool.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeptPart, KeptSegment, WindowStart } from "./live-window.ts";
import type { RenditionInit } from "./rendition.ts";
import {
  INIT_FILE,
  SEGMENT_FILE,
  spooledHeadSchema,
  spooledInitSchema,
  spooledRecordSchema,
} from "./spool.ts";

export type SpooledSegment = KeptSegment<Uint8Array<ArrayBuffer>> & {
  readonly durationS: number;
  readonly windowStart: WindowStart;
};

export type Spooled = {
  readonly inits: ReadonlyMap<number, RenditionInit>;
  /** Oldest first. One that was being written ends with its last whole part. */
  readonly segments: readonly SpooledSegment[];
  /** The first number that no part has had. */
  readonly nextPart: number;
};

/** A file that broke off hides how many parts came after: their numbers are left out. */
const SKIPPED_NUMBERS = 1000;

/** What lies in `folder`; empty when there is nothing. */
export async function readSpool(folder: string): Promise<Spooled> {
  const inits = new Map<number, RenditionInit>();
  const segments: SpooledSegment[] = [];
  let nextPart = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    const init = INIT_FILE.exec(name)?.[1];
    if (init !== undefined) {
      const parsed = parseInit(await readFile(join(folder, name), "utf8"));
      if (parsed !== null) inits.set(Number(init), parsed);
    }
    if (!SEGMENT_FILE.test(name)) continue;
    const read = parseSegment(await readFile(join(folder, name)));
    if (read === null) continue;
    const { segment, isCutOff } = read;
    const last = segment.parts.at(-1)?.number ?? -1;
    nextPart = Math.max(nextPart, last + 1 + (isCutOff ? SKIPPED_NUMBERS : 0));
    if (segment.parts.length > 0) segments.push(segment);
  }
  return { inits, segments: segments.toSorted((one, other) => one.msn - other.msn), nextPart };
}

function parseInit(text: string): RenditionInit | null {
  const parsed = spooledInitSchema.safeParse(parseJson(text)).data;
  if (parsed === undefined) return null;
  const { base64, ...facts } = parsed;
  return { ...facts, bytes: new Uint8Array(Buffer.from(base64, "base64")) };
}

/** Null when not even the head is there. */
function parseSegment(file: Buffer): { segment: SpooledSegment; isCutOff: boolean } | null {
  const lines = new LineReader(file);
  const head = spooledHeadSchema.safeParse(lines.next()).data;
  if (head === undefined) return null;
  const parts: KeptPart<Uint8Array<ArrayBuffer>>[] = [];
  let frames = 0;
  let durationS: number | null = null;
  let isCutOff = false;
  while (durationS === null) {
    const record = spooledRecordSchema.safeParse(lines.next()).data;
    if (record === undefined) break;
    if (record.kind === "end") {
      durationS = record.durationS;
      break;
    }
    const { number, isIndependent } = record;
    const bytes = lines.take(record.bytes);
    if (bytes === null) {
      isCutOff = true;
      break;
    }
    const uri = `part-${number}.m4s`;
    parts.push({ number, uri, durationS: record.durationS, isIndependent, bytes });
    frames += record.frames;
  }
  const { windowStart, ...facts } = head;
  const sumS = parts.reduce((sum, part) => sum + part.durationS, 0);
  const initUri = `init-${head.initNumber}.mp4`;
  return {
    segment: { ...facts, initUri, parts, frames, durationS: durationS ?? sumS, windowStart },
    isCutOff: isCutOff || !lines.isAtEnd,
  };
}

class LineReader {
  readonly #file: Buffer;
  #at = 0;

  constructor(file: Buffer) {
    this.#file = file;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#file.length;
  }

  /** The next line as JSON; undefined when there is no whole one. */
  next(): unknown {
    const end = this.#file.indexOf(0x0a, this.#at);
    if (end === -1) return undefined;
    const value = parseJson(this.#file.toString("utf8", this.#at, end));
    if (value !== undefined) this.#at = end + 1;
    return value;
  }

  take(bytes: number): Uint8Array<ArrayBuffer> | null {
    if (this.#at + bytes > this.#file.length) return null;
    this.#at += bytes;
    return new Uint8Array(this.#file.subarray(this.#at - bytes, this.#at));
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
