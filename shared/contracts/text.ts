/**
 * Kinds of text: what people type, and what programs report.
 */
import * as z from "zod";

// Postgres stores no NUL, nor JSON with half a surrogate pair; no other control character belongs on
// one line.
const ONE_LINE = /^[^\p{Cc}\p{Cs}]*$/u;
const NOT_ON_A_LINE = /[\p{Cc}\p{Cs}]+/gu;

/** Any text that the database takes. */
export const storableSchema = z.string().refine(
  (text) => text.isWellFormed() && !text.includes("\0"),
  "expected text without NUL and without halves of surrogate pairs",
);

/** One line, trimmed, of `min` to `max` characters. */
export const lineSchema = (min: number, max: number) =>
  z.string().trim().min(min).max(max).regex(
    ONE_LINE,
    "expected one line without control characters",
  );

/** Any number of lines, at most `max` characters. */
export const linesSchema = (max: number) => storableSchema.max(max);

/**
 * `text`, whoever wrote it, as one line of at most `maxChars` that can be stored: control characters,
 * and half a pair where it was cut, are a space.
 */
export function toLine(text: string, maxChars: number): string {
  return text.slice(0, maxChars).replace(NOT_ON_A_LINE, " ").trim();
}
