/**
 * The newest segments of a rendition on the node's own disk, part by part as they are published: what
 * a process that is killed leaves to its successor. One file per segment: lines of JSON, the bytes of
 * a part behind its line.
 *
 * Writes are synchronous, into the page cache, so that nothing is published which a successor would
 * not know of. They are few and small; one that fails costs continuity after a crash, nothing else.
 */
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writevSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import type { KeptSegment, WindowStart } from "./live-window.ts";
import type { RenditionPart } from "./rendition.ts";
import type { RenditionInit } from "./rendition-inits.ts";

export const spooledHeadSchema = z.object({
  msn: z.int().nonnegative(),
  initNumber: z.int().nonnegative(),
  startS: z.number(),
  wallClockMs: z.number(),
  isDiscontinuous: z.boolean(),
  isIndependent: z.boolean(),
  /** Where the playlist began when the segment did. */
  windowStart: z.object({
    msn: z.int().nonnegative(),
    discontinuities: z.int().nonnegative(),
  }),
});

export const spooledRecordSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("part"),
    number: z.int().nonnegative(),
    durationS: z.number().positive(),
    isIndependent: z.boolean(),
    frames: z.int().nonnegative(),
    bytes: z.int().positive(),
  }),
  z.object({ kind: z.literal("end"), durationS: z.number().positive() }),
]);

export const spooledInitSchema = z.object({
  codecs: z.array(z.string()),
  width: z.int().positive().nullable(),
  height: z.int().positive().nullable(),
  base64: z.string(),
});

export const segmentFileOf = (msn: number) => `seg-${msn}`;
export const initFileOf = (number: number) => `init-${number}.json`;
export const SEGMENT_FILE = /^seg-(\d+)$/;
export const INIT_FILE = /^init-(\d+)\.json$/;

/** The newest segments stay in any case: they say which numbers are used. */
const KEPT_SEGMENTS = 2;

export type SpooledPart = Omit<RenditionPart, "startS"> & { readonly number: number };

export class RenditionSpool {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #files = new Set<number>();
  #open: number | null = null;
  #isFailing = false;

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Segments that a process before wrote. */
  adopt(msns: readonly number[]): void {
    for (const msn of msns) this.#files.add(msn);
  }

  addInit(number: number, { codecs, width, height, bytes }: RenditionInit): void {
    const base64 = Buffer.from(bytes).toString("base64");
    this.#attempt(() => {
      mkdirSync(this.#folder, { recursive: true });
      const text = JSON.stringify({ codecs, width, height, base64 });
      writeFileSync(join(this.#folder, initFileOf(number)), text);
    });
  }

  openSegment(segment: KeptSegment, windowStart: WindowStart): void {
    this.#close();
    const { msn, initNumber, startS, wallClockMs, isDiscontinuous, isIndependent } = segment;
    const head = {
      msn,
      initNumber,
      startS,
      wallClockMs,
      isDiscontinuous,
      isIndependent,
      windowStart,
    };
    this.#attempt(() => {
      this.#open = openSync(join(this.#folder, segmentFileOf(msn)), "w", 0o640);
      this.#files.add(msn);
      this.#write(head, []);
    });
  }

  addPart({ number, durationS, isIndependent, frames, bytes }: SpooledPart): void {
    const line = { kind: "part", number, durationS, isIndependent, frames, bytes: bytes.length };
    this.#attempt(() => this.#write(line, [bytes]));
  }

  closeSegment(durationS: number): void {
    this.#attempt(() => this.#write({ kind: "end", durationS }, []));
    this.#close();
  }

  /** Removes segments that nobody would need after a crash. */
  prune(isNeeded: (msn: number) => boolean): void {
    const newest = Math.max(-1, ...this.#files);
    for (const msn of this.#files) {
      if (msn > newest - KEPT_SEGMENTS || isNeeded(msn)) continue;
      this.#files.delete(msn);
      this.#attempt(() => rmSync(join(this.#folder, segmentFileOf(msn)), { force: true }));
    }
  }

  /** Removes everything: the broadcast is over. */
  remove(): void {
    this.#close();
    this.#files.clear();
    this.#attempt(() => rmSync(this.#folder, { recursive: true, force: true }));
  }

  #write(line: object, chunks: readonly Uint8Array[]): void {
    if (this.#open === null) return;
    const buffers = [Buffer.from(`${JSON.stringify(line)}\n`), ...chunks];
    const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    if (writevSync(this.#open, buffers) !== bytes) throw new Error("the write was cut short");
  }

  #close(): void {
    const open = this.#open;
    this.#open = null;
    if (open !== null) closeSync(open);
  }

  #attempt(action: () => void): void {
    try {
      action();
      if (this.#open !== null) this.#isFailing = false;
    } catch (error) {
      this.#close();
      if (!this.#isFailing) this.#log.warn("spool.failed", { reason: messageOf(error) });
      this.#isFailing = true;
    }
  }
}
