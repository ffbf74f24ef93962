/**
 * Reads what a killed process left in its spool.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BoxError } from "../formats/mp4/boxes.ts";
import { mergeFragments } from "../formats/mp4/merge-fragments.ts";
import type { KeptPart, WholeSegment, WindowStart } from "./live-window.ts";
import type { RenditionInit } from "./rendition-inits.ts";
import {
  INIT_FILE,
  SEGMENT_FILE,
  spooledHeadSchema,
  spooledInitSchema,
  spooledRecordSchema,
} from "./spool.ts";

export type SpooledSegment = WholeSegment & { readonly windowStart: WindowStart };

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
    const { segment, lastPart, isCutOff } = read;
    nextPart = Math.max(nextPart, lastPart + 1 + (isCutOff ? SKIPPED_NUMBERS : 0));
    if (segment !== null) segments.push(segment);
  }
  return { inits, segments: segments.toSorted((one, other) => one.msn - other.msn), nextPart };
}

function parseInit(text: string): RenditionInit | null {
  const parsed = spooledInitSchema.safeParse(parseJson(text)).data;
  if (parsed === undefined) return null;
  const { base64, ...facts } = parsed;
  return { ...facts, bytes: new Uint8Array(Buffer.from(base64, "base64")) };
}

type ReadSegment = {
  /** Null: nothing of it can be shown. */
  readonly segment: SpooledSegment | null;
  /** -1: none. */
  readonly lastPart: number;
  readonly isCutOff: boolean;
};

/** Null when not even the head is there. */
function parseSegment(file: Buffer): ReadSegment | null {
  const lines = new LineReader(file);
  const head = spooledHeadSchema.safeParse(lines.next()).data;
  if (head === undefined) return null;
  const { parts, frames, durationS, isCutOff } = parseParts(lines);
  const whole = mergeParts(parts, head.msn);
  const { windowStart, ...facts } = head;
  const initUri = `init-${head.initNumber}.mp4`;
  return {
    segment: whole && { ...facts, initUri, parts, whole, frames, durationS, windowStart },
    lastPart: parts.at(-1)?.number ?? -1,
    isCutOff: isCutOff || !lines.isAtEnd,
  };
}

type WholePart = KeptPart<Uint8Array<ArrayBuffer>> & { readonly bytes: Uint8Array<ArrayBuffer> };

function parseParts(lines: LineReader) {
  const parts: WholePart[] = [];
  let frames = 0;
  let isCutOff = false;
  for (;;) {
    const record = spooledRecordSchema.safeParse(lines.next()).data;
    if (record?.kind === "end") return { parts, frames, isCutOff, durationS: record.durationS };
    const bytes = record === undefined ? null : lines.take(record.bytes);
    isCutOff = record !== undefined && bytes === null;
    if (record === undefined || bytes === null) break;
    const { number, durationS, isIndependent } = record;
    parts.push({ number, uri: `part-${number}.m4s`, durationS, isIndependent, bytes });
    frames += record.frames;
  }
  const durationS = parts.reduce((sum, part) => sum + part.durationS, 0);
  return { parts, frames, isCutOff, durationS };
}

/** Null when there is none, or what the disk gave back is not what was written. */
function mergeParts(parts: readonly WholePart[], msn: number): Uint8Array<ArrayBuffer> | null {
  if (parts.length === 0) return null;
  try {
    return mergeFragments(parts.map(({ bytes }) => bytes), msn);
  } catch (error) {
    if (error instanceof BoxError) return null;
    throw error;
  }
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
